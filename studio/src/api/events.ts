import type { Job, Project } from "./types";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;

export interface Heard {
  job: (job: Job) => void;
  project: (project: Project) => void;
  /** false while the server is away, true when it is heard again (the caller then reloads what it may have missed). */
  online: (online: boolean) => void;
}

/** Follow a project's events until the returned function is called. The stream is opened anew whenever it breaks. */
export function follow(project: string, heard: Heard): () => void {
  let source: EventSource | null = null;
  let timer = 0;
  let wait_ms = FIRST_WAIT_MS;
  const open = () => {
    source = new EventSource(`/api/v1/projects/${project}/events`);
    source.onopen = () => {
      wait_ms = FIRST_WAIT_MS;
      heard.online(true);
    };
    source.addEventListener("job", (event) => heard.job(JSON.parse((event as MessageEvent<string>).data) as Job));
    source.addEventListener("project", (event) =>
      heard.project(JSON.parse((event as MessageEvent<string>).data) as Project),
    );
    // The browser's own retry gives up for good after some kinds of failure (a proxy's 502), so ours replaces it.
    source.onerror = () => {
      source?.close();
      heard.online(false);
      timer = window.setTimeout(open, wait_ms);
      wait_ms = Math.min(LONGEST_WAIT_MS, wait_ms * 1.6);
    };
  };
  open();
  return () => {
    window.clearTimeout(timer);
    source?.close();
  };
}
