// What the side panel says. Kept in the project on the server, so that a reload finds it again.
import { effect, signal } from "@preact/signals";
import { api } from "../api/client";
import { complain } from "./toasts";

export interface Settings {
  prompt: string;
  negative: string;
  takes: number;
  /** null: the next seed that no take has used. */
  seed: number | null;
  model: string;
  loudness: string;
  music: string;
  dialogue: string;
  use_cues: boolean;
  /** Further options that differ from their default. */
  options: Record<string, unknown>;
  chosen: string | null;
}

export const FRESH: Settings = {
  prompt: "",
  negative: "",
  takes: 1,
  seed: null,
  model: "mini",
  loudness: "web",
  music: "",
  dialogue: "",
  use_cues: true,
  options: {},
  chosen: null,
};

export const settings = signal<Settings>(FRESH);

export function change(part: Partial<Settings>): void {
  settings.value = { ...settings.value, ...part };
}

/** Settings out of what a project holds; what is missing or of another type is taken from the fresh ones. */
export function readSettings(held: Record<string, unknown>): Settings {
  const pairs = Object.entries(FRESH).map(([name, fresh]) => {
    const value = held[name];
    const nullable = name === "seed" ? "number" : name === "chosen" ? "string" : null;
    const fits = nullable ? value === null || typeof value === nullable : typeof value === typeof fresh;
    return [name, value !== undefined && fits ? value : fresh];
  });
  return Object.fromEntries(pairs) as unknown as Settings;
}

const REST_MS = 600;
let project: string | null = null;
let saved: Settings = FRESH;
let timer = 0;

/** Begin with a project's own settings. */
export function openSettings(id: string, held: Record<string, unknown>): void {
  flush();
  project = id;
  saved = readSettings(held);
  settings.value = saved;
}

/** Send what has changed, now; what could not be sent counts as changed still. */
export function flush(keepalive = false): void {
  window.clearTimeout(timer);
  const [id, now, before] = [project, settings.peek(), saved];
  if (!id || now === before) return;
  saved = now;
  api.patchProject(id, { settings: now }, keepalive).catch((error) => {
    if (id === project && saved === now) saved = before;
    complain(error);
  });
}

effect(() => {
  if (settings.value === saved) return;
  window.clearTimeout(timer);
  timer = window.setTimeout(() => flush(), REST_MS);
});

window.addEventListener("pagehide", () => flush(true));
