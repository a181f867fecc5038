// The cue sheet on the page: edits with undo and redo, sent to the server a moment after the last one.
import { computed, effect, signal } from "@preact/signals";
import { ApiError, api } from "../api/client";
import type { Sheet } from "../api/types";
import * as model from "../model/cues";
import { begin, edited, type History, redone, undone } from "../model/history";
import { say } from "./toasts";

export type Saving = "saved" | "waiting" | "saving" | "failed";

const REST_MS = 450;
const AGAIN_MS = 4000;

const sheet = signal<Sheet | null>(null);
const history = signal<History<model.Cues>>(begin<model.Cues>([]));
/** What a drag shows before it is let go; no step of its own in the history. */
const draft = signal<model.Cues | null>(null);

export const selectedId = signal<number | null>(null);
export const saving = signal<Saving>("saved");
export const savingError = signal("");
/** Whether the sheet differs from what was seen. */
export const isEdited = signal(false);
export const ready = computed(() => sheet.value !== null);
export const cues = computed(() => draft.value ?? history.value.now);
export const selected = computed(() => cues.value.find((cue) => cue.id === selectedId.value) ?? null);
export const colours = computed(() => model.colourOf(cues.value));
export const canUndo = computed(() => history.value.past.at(-1)?.what ?? null);
export const canRedo = computed(() => history.value.future[0]?.what ?? null);

let project = "";
let duration_s = 0;
let saved: model.Cues = [];
let timer = 0;

export function close(): void {
  flush();
  project = "";
  sheet.value = null;
  draft.value = null;
  selectedId.value = null;
}

export function open(id: string, length_s: number, read: Sheet, edits: boolean): void {
  project = id;
  duration_s = length_s;
  saved = model.fromSheet(read);
  history.value = begin(saved);
  draft.value = null;
  saving.value = "saved";
  isEdited.value = edits;
  sheet.value = read;
}

/** One step of the history. */
export function edit(value: model.Cues, what: string): void {
  draft.value = null;
  if (value !== history.value.now) history.value = edited(history.value, value, what);
}

/** Show a change while the pointer is down. */
export function sketch(id: number, change: Partial<Omit<model.Cue, "id">>): void {
  draft.value = model.changed(history.value.now, id, change, duration_s);
}

/** Make what is shown while dragging a step of the history. */
export function keepSketch(what: string): void {
  if (draft.value) edit(draft.value, what);
}

export function dropSketch(): void {
  draft.value = null;
}

export function alter(id: number, change: Partial<Omit<model.Cue, "id">>, what: string): void {
  edit(model.changed(history.value.now, id, change, duration_s), what);
}

export function add(cue: model.Cue): void {
  edit(model.added(history.value.now, cue), "Add cue");
  selectedId.value = cue.id;
}

export function remove(id: number): void {
  const next = model.neighbour(history.value.now, id, 1);
  edit(model.removed(history.value.now, id), "Delete cue");
  selectedId.value = next && next.id !== id ? next.id : null;
}

export function undo(): void {
  draft.value = null;
  history.value = undone(history.value);
}

export function redo(): void {
  draft.value = null;
  history.value = redone(history.value);
}

/** Go back to what was seen in the picture; a step of the history like any other. */
export async function backToSeen(): Promise<void> {
  const id = project;
  window.clearTimeout(timer);
  await api.deleteCues(id);
  const seen = await api.cues(id, true);
  if (id !== project) return;
  const value = model.fromSheet(seen);
  saved = value;
  edit(value, "Back to what was seen");
  selectedId.value = null;
  isEdited.value = false;
  saving.value = "saved";
}

/** Send what has not been sent yet, now. Resolves when the server has it. */
export async function flush(keepalive = false): Promise<void> {
  window.clearTimeout(timer);
  const id = project;
  const head = sheet.peek();
  const value = history.peek().now;
  if (!id || !head || value === saved) return;
  saving.value = "saving";
  try {
    await api.putCues(id, model.toSheet(head, value), keepalive);
    if (id !== project) return;
    saved = value;
    isEdited.value = true;
    saving.value = history.peek().now === value ? "saved" : "waiting";
  } catch (error) {
    saving.value = "failed";
    savingError.value = error instanceof Error ? error.message : String(error);
    // Only a server that is away is asked again: one that refuses a sheet would refuse it again.
    if (error instanceof ApiError && error.code === "away") timer = window.setTimeout(() => void flush(), AGAIN_MS);
    else say(savingError.value, "error", { label: "Undo", run: undo });
  }
}

effect(() => {
  if (history.value.now === saved || !sheet.value) return;
  saving.value = "waiting";
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void flush(), REST_MS);
});

window.addEventListener("pagehide", () => void flush(true));
