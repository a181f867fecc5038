// A project that is open: loaded, kept in step with the server's events, and worked on.
import { batch, computed, effect, signal } from "@preact/signals";
import { ApiError, api } from "../api/client";
import { follow } from "../api/events";
import type { Job, NewJob, Project, Take } from "../api/types";
import { differences, fromSheet } from "../model/cues";
import { fitZoom } from "../model/view";
import * as cueState from "./cues";
import { loadLists } from "./page";
import { choose, chosen, chosenId, hidden, ORIGINAL, otherId, project, takes, transport } from "./player";
import { change, flush as flushSettings, openSettings, settings } from "./settings";
import { complain, later, say } from "./toasts";
import { view } from "./view";

export const loadError = signal<string | null>(null);
export const online = signal(true);
export const jobs = computed(() => project.value?.jobs ?? []);
export const working = computed(() => jobs.value.filter((job) => job.state === "queued" || job.state === "running"));
export const spotting = computed(() => working.value.find((job) => job.kind === "spot") ?? null);
/** The sheet with which the chosen take was made, to tell what has been changed since. */
const takeCues = signal<{ url: string; cues: ReturnType<typeof fromSheet> } | null>(null);
export const changedCues = computed(() => {
  const made = takeCues.value;
  if (!made || made.url !== chosen.value?.cues_url || !cueState.ready.value) return 0;
  return differences(made.cues, cueState.cues.value);
});
export const dismissed = signal<ReadonlySet<string>>(new Set());
export const failed = computed(() => jobs.value.find((job) => job.state === "failed" && !dismissed.value.has(job.id)));

let leave: (() => void) | null = null;

export async function openProject(id: string): Promise<void> {
  closeProject();
  loadError.value = null;
  try {
    const found = await api.project(id);
    show(found);
    leave = follow(id, { job: onJob, project: onProject, online: onOnline });
    if (!spotting.peek()) await loadCues(found);
  } catch (error) {
    loadError.value = error instanceof Error ? error.message : String(error);
  }
}

export function closeProject(): void {
  leave?.();
  leave = null;
  transport.pause();
  cueState.close();
  batch(() => {
    project.value = null;
    chosenId.value = null;
    otherId.value = null;
    hidden.value = new Set();
  });
}

function show(found: Project): void {
  batch(() => {
    project.value = found;
    openSettings(found.id, found.settings);
    transport.open(found.duration_s, found.clip.frame_rate_hz);
    const fresh = { ...view.peek(), duration_s: found.duration_s, from_s: 0 };
    view.value = { ...fresh, px_per_s: fitZoom(fresh) };
    const kept = settings.peek().chosen;
    const there = found.takes.some((take) => take.id === kept) || (kept === ORIGINAL && found.clip.has_sound);
    chosenId.value = there ? kept : (found.takes.at(-1)?.id ?? (found.clip.has_sound ? ORIGINAL : null));
  });
}

/** Cues may not have been found yet (409): the job that looks for them, or news of the project, says when. */
async function loadCues(found: Project): Promise<void> {
  try {
    const sheet = await api.cues(found.id);
    // Asked for twice, the second answer must not undo what was edited after the first.
    if (project.peek()?.id === found.id && !cueState.ready.peek())
      cueState.open(found.id, found.duration_s, sheet, found.cues_edited);
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "conflict")) complain(error);
  }
}

function onProject(news: Project): void {
  const now = project.peek();
  if (!now || now.id !== news.id) return;
  const known = new Set(now.takes.map((take) => take.id));
  const fresh = news.takes.filter((take) => !known.has(take.id));
  project.value = news;
  if (!cueState.ready.peek() && !spotting.peek()) void loadCues(news);
  const first = fresh[0];
  if (first) {
    choose(first.id);
    const names = fresh.length > 1 ? `${fresh.length} new takes are ready` : `${first.name} is ready`;
    say(names, "good", { label: "Play", run: () => transport.playing.peek() || transport.toggle() });
  }
}

function onJob(job: Job): void {
  const now = project.peek();
  if (!now || job.project !== now.id) return;
  const others = now.jobs.filter((other) => other.id !== job.id);
  const listed = job.state === "queued" || job.state === "running" || job.state === "failed";
  const before = now.jobs.find((other) => other.id === job.id);
  project.value = { ...now, jobs: listed ? [...others, job].sort(byAge) : others };
  if (job.state === "done" && job.kind === "spot" && !cueState.ready.peek()) void loadCues(now);
  if (job.state === "done" && before?.state !== "done") for (const note of job.notes) say(note);
}

const byAge = (a: Job, b: Job): number => a.created_at.localeCompare(b.created_at);

function onOnline(now: boolean): void {
  const was = online.peek();
  online.value = now;
  if (!now || was) return;
  void loadLists();
  const open = project.peek();
  if (!open) return;
  api
    .project(open.id)
    .then((news) => {
      onProject(news);
      if (!cueState.ready.peek()) void loadCues(news);
    })
    .catch(complain);
  void cueState.flush();
  flushSettings();
}

effect(() => {
  const take = chosen.value;
  if (!take || takeCues.peek()?.url === take.cues_url) return;
  api
    .cuesAt(take.cues_url)
    .then((sheet) => {
      takeCues.value = { url: take.cues_url, cues: fromSheet(sheet) };
    })
    .catch(() => undefined);
});

effect(() => {
  const id = chosenId.value;
  if (project.value && id !== settings.peek().chosen) change({ chosen: id });
});

/** The seed of the next take when none is asked for: the first that no take has. */
export const nextSeed = computed(() => takes.value.reduce((most, take) => Math.max(most, take.seed + 1), 0));

export const starting = signal(false);

async function start(job: NewJob): Promise<void> {
  const open = project.peek();
  if (!open || starting.peek()) return;
  starting.value = true;
  try {
    await cueState.flush();
    onJob(await api.start(open.id, job));
    dismissed.value = new Set(jobs.peek().flatMap((one) => (one.state === "failed" ? [one.id] : [])));
  } catch (error) {
    complain(error);
  } finally {
    starting.value = false;
  }
}

function wishes(): Record<string, unknown> {
  const { prompt, negative, takes: count, seed, loudness, music, options } = settings.peek();
  return { ...options, prompt, negative, takes: count, seed: seed ?? nextSeed.peek(), loudness, music };
}

/** Queue new takes of the whole clip. */
export function makeSound(): Promise<void> {
  const { model, dialogue, use_cues } = settings.peek();
  return start({ kind: "add", model, use_cues, options: wishes(), dialogue_text: dialogue.trim() ? dialogue : null });
}

/** Make spans of the chosen take anew; with none, what was changed in the cues. */
export function remake(spans: [number, number][]): Promise<void> {
  const take = chosen.peek();
  if (!take) return Promise.resolve();
  return start({ kind: "redo", take: take.id, spans, use_cues: true, options: { ...wishes(), takes: 1 } });
}

export async function cancel(job: Job): Promise<void> {
  try {
    onJob(await api.cancel(job.id));
  } catch (error) {
    complain(error);
  }
}

export const dismissFailure = (job: Job): void => {
  dismissed.value = new Set(dismissed.value).add(job.id);
};

function replaceTake(take: Take): void {
  const now = project.peek();
  if (now) project.value = { ...now, takes: now.takes.map((old) => (old.id === take.id ? take : old)) };
}

export async function alterTake(take: Take, part: { name?: string; starred?: boolean }): Promise<void> {
  const open = project.peek();
  if (!open) return;
  replaceTake({ ...take, ...part });
  try {
    replaceTake(await api.patchTake(open.id, take.id, part));
  } catch (error) {
    replaceTake(take);
    complain(error);
  }
}

export function deleteTake(take: Take): void {
  const open = project.peek();
  if (!open) return;
  const at = takes.peek().findIndex((one) => one.id === take.id);
  const show = (on: boolean) => {
    const next = new Set(hidden.peek());
    if (on) next.delete(take.id);
    else next.add(take.id);
    hidden.value = next;
  };
  show(false);
  if (chosenId.peek() === take.id) {
    const next = takes.peek()[Math.min(at, takes.peek().length - 1)];
    chosenId.value = next?.id ?? (open.clip.has_sound ? ORIGINAL : null);
  }
  const remove = (keepalive: boolean) => {
    api.deleteTake(open.id, take.id, keepalive).catch((error) => {
      show(true);
      complain(error);
    });
  };
  later(`${take.name} deleted`, remove, () => {
    show(true);
    choose(take.id);
  });
}

export async function renameProject(name: string): Promise<void> {
  const open = project.peek();
  if (!open || !name.trim() || name === open.name) return;
  try {
    const { name: given, updated_at } = await api.patchProject(open.id, { name: name.trim() });
    const now = project.peek();
    if (now) project.value = { ...now, name: given, updated_at };
  } catch (error) {
    complain(error);
  }
}
