import type { Job, Model, NewJob, Option, Project, ProjectSummary, Sheet, Take } from "./types";

const BASE = "/api/v1";

/** What the server refused, or that it could not be reached. `message` says what to do. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

const AWAY =
  "The studio's server does not answer. Start it again with “phonofilm studio”; this page reconnects itself.";

function problem(status: number, text: string): ApiError {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return new ApiError(error.code, error.message, status);
  } catch {
    return new ApiError(
      "internal",
      `The server answered ${status}. Look at its terminal for the reason, then try again.`,
      status,
    );
  }
}

async function ask<T>(method: string, path: string, body?: unknown, keepalive = false): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path.startsWith("/") ? path : `${BASE}/${path}`, {
      method,
      headers,
      keepalive,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError("away", AWAY, 0);
  }
  if (!answer.ok) throw problem(answer.status, await answer.text());
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

/** One function a route; each throws ApiError. */
export const api = {
  models: () => ask<Model[]>("GET", "models"),
  options: () => ask<Option[]>("GET", "options"),
  projects: () => ask<ProjectSummary[]>("GET", "projects"),
  project: (id: string) => ask<Project>("GET", `projects/${id}`),
  patchProject: (id: string, change: { name?: string; settings?: unknown }, keepalive = false) =>
    ask<Project>("PATCH", `projects/${id}`, change, keepalive),
  deleteProject: (id: string, keepalive = false) => ask<void>("DELETE", `projects/${id}`, undefined, keepalive),
  cues: (project: string, seen = false) => ask<Sheet>("GET", `projects/${project}/cues${seen ? "?seen=true" : ""}`),
  cuesAt: (url: string) => ask<Sheet>("GET", url),
  putCues: (project: string, sheet: Sheet, keepalive = false) =>
    ask<Sheet>("PUT", `projects/${project}/cues`, sheet, keepalive),
  deleteCues: (project: string) => ask<void>("DELETE", `projects/${project}/cues`),
  start: (project: string, job: NewJob) => ask<Job>("POST", `projects/${project}/jobs`, job),
  cancel: (job: string) => ask<Job>("DELETE", `jobs/${job}`),
  patchTake: (project: string, take: string, change: { name?: string; starred?: boolean }) =>
    ask<Take>("PATCH", `projects/${project}/takes/${take}`, change),
  deleteTake: (project: string, take: string, keepalive = false) =>
    ask<void>("DELETE", `projects/${project}/takes/${take}`, undefined, keepalive),
};

/** The address of a file answer that the browser is to save rather than show. */
export const download = (url: string): string => `${url}${url.includes("?") ? "&" : "?"}download=true`;

export interface Upload {
  done: Promise<Project>;
  abort: () => void;
}

/** Send a clip; `progress` hears the share that has left this page, 0 to 1. XMLHttpRequest, as fetch tells no progress. */
export function upload(file: File, progress: (share: number) => void): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<Project>((resolve, reject) => {
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(new ApiError("away", AWAY, 0));
    request.onabort = () => reject(new ApiError("cancelled", "The upload was stopped.", 0));
    request.onload = () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText) as Project);
      else reject(problem(request.status, request.responseText));
    };
    request.open("POST", `${BASE}/projects`);
    const form = new FormData();
    form.append("file", file);
    request.send(form);
  });
  return { done, abort: () => request.abort() };
}
