import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api } from "../api/client";
import type { ProjectSummary } from "../api/types";
import { ago, clock } from "../model/time";
import { go } from "../state/page";
import { complain, later } from "../state/toasts";
import { chooseFile, dragging, sending } from "../state/upload";
import { IconButton } from "./controls";
import { Icon } from "./icons";

export function StartPage() {
  const projects = useSignal<ProjectSummary[] | null>(null);
  const gone = useSignal<ReadonlySet<string>>(new Set());
  useEffect(() => {
    document.title = "Phonofilm studio";
    api
      .projects()
      .then((list) => {
        projects.value = list;
      })
      .catch(complain);
  }, []);
  const remove = (one: ProjectSummary) => {
    gone.value = new Set(gone.value).add(one.id);
    const back = () => {
      gone.value = new Set([...gone.value].filter((id) => id !== one.id));
    };
    const run = (keepalive: boolean) => {
      api.deleteProject(one.id, keepalive).catch((error) => {
        back();
        complain(error);
      });
    };
    later(`${one.name} deleted, with its takes`, run, back);
  };
  const shown = (projects.value ?? []).filter((one) => !gone.value.has(one.id));
  return (
    <main class="start">
      <DropZone small={shown.length > 0} />
      {shown.length > 0 && (
        <section aria-label="Earlier projects">
          <h2>Projects</h2>
          <ul class="projects">
            {shown.map((one) => (
              <ProjectCard key={one.id} project={one} onRemove={() => remove(one)} />
            ))}
          </ul>
        </section>
      )}
    </main>
  );
}

function DropZone({ small }: { small: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  const now = sending.value;
  return (
    <section class={`drop ${small ? "small" : ""} ${dragging.value ? "over" : ""}`} aria-label="New project">
      <div class="drop-words">
        <h1>Give a clip its sound</h1>
        <p>
          Drop a video anywhere on this page. Phonofilm looks at the picture, finds what should be heard when, and makes
          as many soundtracks as you like. Nothing leaves this computer.
        </p>
      </div>
      <input
        ref={input}
        type="file"
        accept="video/*,.mkv,.avi,.mpg,.mpeg,.ts,.mov"
        hidden
        data-testid="file-input"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) chooseFile(file);
        }}
      />
      {now.state === "sending" ? (
        <div class="sending" data-testid="upload-progress">
          <span class="sending-name">{now.share < 1 ? `Sending ${now.name}` : `Checking ${now.name}`}</span>
          <progress max={1} value={now.share < 1 ? now.share : undefined} aria-label="Upload" />
          <button type="button" class="text-button" onClick={now.abort}>
            Cancel
          </button>
        </div>
      ) : (
        <button type="button" class="button primary" onClick={() => input.current?.click()} data-testid="choose-file">
          <Icon name="upload" /> Choose a clip
        </button>
      )}
      {now.state === "failed" && (
        <p class="note bad" role="alert" data-testid="upload-error">
          <Icon name="warning" />
          <span>{now.message}</span>
        </p>
      )}
      <p class="dim drop-kinds">MP4, MOV, WebM, MKV and whatever else can be decoded</p>
    </section>
  );
}

function ProjectCard({ project, onRemove }: { project: ProjectSummary; onRemove: () => void }) {
  const count = project.takes;
  return (
    <li class="project" data-testid="project-card">
      <a
        href={`/p/${project.id}`}
        onClick={(event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          go({ page: "project", id: project.id });
        }}
      >
        <span class="poster">
          <img src={project.poster_url} alt="" loading="lazy" />
          <span class="length figures">{clock(project.duration_s)}</span>
        </span>
        <span class="project-title">{project.name}</span>
        <span class="dim">
          {count === 0 ? "no takes yet" : `${count} ${count === 1 ? "take" : "takes"}`} ·{" "}
          {ago(project.updated_at, Date.now())}
        </span>
      </a>
      <IconButton icon="trash" label={`Delete ${project.name}`} onClick={onRemove} />
    </li>
  );
}
