// The cue sheet as the page edits it. A cue whose end equals its start is a hit, a longer one a stretch.
import type { Sheet, SheetCue } from "../api/types";
import { clamp } from "./time";

export interface Cue {
  readonly id: number;
  readonly start_s: number;
  readonly end_s: number;
  readonly strength: number;
  readonly place: number;
  readonly label: string;
  readonly muted: boolean;
  readonly prompt: string;
}

export type Cues = readonly Cue[];

/** Shorter than this a stretch would be taken for a hit by the eye and by the hand. */
export const SHORTEST_STRETCH_S = 0.02;
export const LONGEST_PROMPT = 200;
const SAME_S = 1e-3;

let next = 1;

/** A cue with a number of its own: the page tells cues apart by it while they move. */
export function newCue(cue: Partial<Omit<Cue, "id">> & { start_s: number }): Cue {
  const end_s = Math.max(cue.start_s, cue.end_s ?? cue.start_s);
  const base = { strength: 0.8, place: 0, label: "hit", muted: false, prompt: "" };
  return { ...base, ...cue, end_s, id: next++ };
}

export const isHit = (cue: Cue): boolean => cue.end_s <= cue.start_s;

const inOrder = (cues: Cues): Cues =>
  [...cues].sort((a, b) => a.start_s - b.start_s || a.end_s - b.end_s || a.id - b.id);

export function fromSheet(sheet: Sheet): Cues {
  const read = (cue: SheetCue) =>
    newCue({
      start_s: cue.start_s,
      end_s: cue.end_s,
      strength: cue.strength ?? 1,
      place: cue.place ?? 0,
      label: cue.label ?? "hit",
      muted: cue.muted ?? false,
      prompt: cue.prompt ?? "",
    });
  return inOrder(sheet.cues.map(read));
}

const round = (value: number): number => Math.round(value * 1e4) / 1e4;

/** The sheet to send: what is rare in a cue only where it is set, as `phonofilm spot` writes it. */
export function toSheet(sheet: Sheet, cues: Cues): Sheet {
  const rows = cues.map((cue) => {
    const row: SheetCue = {
      start_s: round(cue.start_s),
      end_s: round(cue.end_s),
      strength: round(cue.strength),
      place: round(cue.place),
      label: cue.label,
    };
    if (cue.muted) row.muted = true;
    if (cue.prompt.trim()) row.prompt = cue.prompt.trim();
    return row;
  });
  return { phonofilm_cue_sheet: sheet.phonofilm_cue_sheet, clip: sheet.clip, cues: rows };
}

export const added = (cues: Cues, cue: Cue): Cues => inOrder([...cues, cue]);

export const removed = (cues: Cues, id: number): Cues => cues.filter((cue) => cue.id !== id);

/** With some fields of one cue changed and every field inside its range. */
export function changed(cues: Cues, id: number, change: Partial<Omit<Cue, "id">>, duration_s: number): Cues {
  return inOrder(cues.map((cue) => (cue.id === id ? bounded({ ...cue, ...change }, duration_s) : cue)));
}

function bounded(cue: Cue, duration_s: number): Cue {
  const start_s = clamp(cue.start_s, 0, duration_s);
  const end_s = clamp(cue.end_s, start_s, duration_s);
  const strength = clamp(cue.strength, 0, 1);
  const place = clamp(cue.place, -1, 1);
  return { ...cue, start_s, end_s, strength, place, prompt: cue.prompt.slice(0, LONGEST_PROMPT) };
}

/** A cue moved as a whole to a new start; its length stays and it stays inside the clip. */
export function movedTo(cue: Cue, start_s: number, duration_s: number): Pick<Cue, "start_s" | "end_s"> {
  const length_s = cue.end_s - cue.start_s;
  const first_s = clamp(start_s, 0, Math.max(0, duration_s - length_s));
  return { start_s: first_s, end_s: first_s + length_s };
}

/** A stretch with one edge dragged to `time_s`; it never turns inside out or into a hit. */
export function edgeTo(
  cue: Cue,
  edge: "start" | "end",
  time_s: number,
  duration_s: number,
): Pick<Cue, "start_s" | "end_s"> {
  if (edge === "start") return { start_s: clamp(time_s, 0, cue.end_s - SHORTEST_STRETCH_S), end_s: cue.end_s };
  return { start_s: cue.start_s, end_s: clamp(time_s, cue.start_s + SHORTEST_STRETCH_S, duration_s) };
}

/** How many cues two lists differ in: gone, come or changed. */
export function differences(before: Cues, after: Cues): number {
  const left = [...before];
  let come = 0;
  for (const cue of after) {
    const twin = left.findIndex((old) => alike(old, cue));
    if (twin < 0) come += 1;
    else left.splice(twin, 1);
  }
  return Math.max(come, left.length);
}

function alike(a: Cue, b: Cue): boolean {
  const near = (x: number, y: number) => Math.abs(x - y) < SAME_S;
  const times = near(a.start_s, b.start_s) && near(a.end_s, b.end_s);
  const levels = near(a.strength, b.strength) && near(a.place, b.place);
  return times && levels && a.label === b.label && a.muted === b.muted && a.prompt.trim() === b.prompt.trim();
}

export const COLOURS = 8;

/** A colour number for every label, by order of first appearance: neighbours in a clip never share one by chance. */
export function colourOf(cues: Cues): Map<string, number> {
  const colours = new Map<string, number>();
  for (const cue of cues) if (!colours.has(cue.label)) colours.set(cue.label, colours.size % COLOURS);
  return colours;
}

/** The cue after (or before) one in the order of time, going round at the ends. */
export function neighbour(cues: Cues, id: number | null, step: 1 | -1): Cue | undefined {
  const at = cues.findIndex((cue) => cue.id === id);
  if (at < 0) return step > 0 ? cues[0] : cues.at(-1);
  return cues[(at + step + cues.length) % cues.length];
}

/** "wood hit at 2.31 s, strength 80 %": a cue in words, for labels that are read aloud. */
export function inWords(cue: Cue): string {
  const when = isHit(cue)
    ? `at ${cue.start_s.toFixed(2)} s`
    : `from ${cue.start_s.toFixed(2)} to ${cue.end_s.toFixed(2)} s`;
  const side = Math.abs(cue.place) < 0.1 ? "" : cue.place < 0 ? ", left" : ", right";
  return `${cue.label} ${when}, strength ${Math.round(cue.strength * 100)} %${side}${cue.muted ? ", muted" : ""}`;
}
