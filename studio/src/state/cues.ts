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
/** The sheet that is on its way to the server. */
let sending: Promise<void> | null = null;

export function close(): void {
  void flush(true);
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
  while (sending) await sending;
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

/** Send what has not been sent yet, now. Resolves when the server has it. `leaving`: nobody is left to wait. */
export async function flush(leaving = false, keepalive = false): Promise<void> {
  window.clearTimeout(timer);
  // One after another, or an older sheet could arrive after a newer one.
  while (sending && !leaving) await sending;
  const head = sheet.peek();
  const value = history.peek().now;
  if (!project || !head || (value === saved && !sending)) return;
  const mine = send(project, head, value, keepalive).finally(() => {
    if (sending === mine) sending = null;
  });
  sending = mine;
  await mine;
}

async function send(id: string, head: Sheet, value: model.Cues, keepalive: boolean): Promise<void> {
  saving.value = "saving";
  try {
    await api.putCues(id, model.toSheet(head, value), keepalive);
    if (id !== project) return;
    saved = value;
    isEdited.value = true;
    // What was edited or undone on the way is no longer what the server has.
    if (history.peek().now === value) saving.value = "saved";
    else soon(REST_MS);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (id !== project) {
      say(message, "error");
      return;
    }
    saving.value = "failed";
    savingError.value = message;
    // Only a server that is away is asked again: one that refuses a sheet would refuse it again.
    if (error instanceof ApiError && error.code === "away") soon(AGAIN_MS, "failed");
    else if (history.peek().now === saved) saving.value = "saved";
    else say(message, "error", { label: "Undo", run: undo });
  }
}

function soon(wait_ms: number, meanwhile: Saving = "waiting"): void {
  saving.value = meanwhile;
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void flush(), wait_ms);
}

effect(() => {
  if (history.value.now !== saved && sheet.value) soon(REST_MS);
});

window.addEventListener("pagehide", () => void flush(true, true));
