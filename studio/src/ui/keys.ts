// Keys that work everywhere on the page of a project, except while something is being typed.
import * as cueModel from "../model/cues";
import * as cueState from "../state/cues";
import { helpOpen } from "../state/page";
import { choose, chosen, ORIGINAL, originalUrl, project, swap, takes, transport } from "../state/player";
import { alterTake, makeSound } from "../state/project";
import { fit, show, view, zoom } from "../state/view";
import { focusCue } from "../timeline/cue_lane";
import { addAtPlayhead, remakeSpan } from "../timeline/edit_bar";
import { select } from "../timeline/gestures";

const TYPING = "input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable]";

function besideCue(step: 1 | -1): void {
  const { cues, selectedId } = cueState;
  if (selectedId.peek() !== null) {
    focusCue(cueModel.neighbour(cues.peek(), selectedId.peek(), step)?.id);
    return;
  }
  const head_s = transport.position_s.peek();
  const list = cues.peek();
  const next = step > 0 ? list.find((cue) => cue.start_s > head_s) : list.findLast((cue) => cue.start_s < head_s);
  focusCue((next ?? list[0])?.id);
}

function letGo(): void {
  if (cueState.selectedId.peek() !== null) cueState.selectedId.value = null;
  else transport.setSpan(null);
}

function setSpanEdge(edge: "first" | "end"): void {
  const head_s = transport.position_s.peek();
  const span = transport.span.peek();
  if (edge === "first") select(head_s, span && span.end_s > head_s ? span.end_s : view.peek().duration_s);
  else select(span && span.first_s < head_s ? span.first_s : 0, head_s);
}

function zoomToSpan(): void {
  const span = transport.span.peek();
  if (span) show(span.first_s, span.end_s);
}

function removeSelected(): void {
  const id = cueState.selectedId.peek();
  if (id !== null) cueState.remove(id);
}

const ACTIONS: Record<string, () => void> = {
  " ": () => transport.toggle(),
  ArrowLeft: () => transport.step(-1),
  ArrowRight: () => transport.step(1),
  "Shift+ArrowLeft": () => transport.seek(transport.position_s.peek() - 1),
  "Shift+ArrowRight": () => transport.seek(transport.position_s.peek() + 1),
  Home: () => transport.seek(0),
  End: () => transport.seek(view.peek().duration_s),
  l: () => transport.setLoop(!transport.loop.peek()),
  m: () => transport.setVolume(transport.volume.peek(), !transport.muted.peek()),
  a: swap,
  b: swap,
  s: () => {
    const take = chosen.peek();
    if (take) void alterTake(take, { starred: !take.starred });
  },
  c: addAtPlayhead,
  "[": () => besideCue(-1),
  "]": () => besideCue(1),
  "+": () => zoom(1),
  "=": () => zoom(1),
  "-": () => zoom(-1),
  f: fit,
  z: zoomToSpan,
  i: () => setSpanEdge("first"),
  o: () => setSpanEdge("end"),
  r: remakeSpan,
  Delete: removeSelected,
  Backspace: removeSelected,
  Escape: letGo,
  "Ctrl+z": cueState.undo,
  "Ctrl+y": cueState.redo,
  "Ctrl+Z": cueState.redo,
};

function nameOf(event: KeyboardEvent): string {
  if (event.ctrlKey || event.metaKey) return `Ctrl+${event.shiftKey ? event.key.toUpperCase() : event.key}`;
  if (event.shiftKey && event.key.startsWith("Arrow")) return `Shift+${event.key}`;
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

function chooseByDigit(digit: number): void {
  if (digit === 0 && originalUrl.peek()) choose(ORIGINAL);
  const take = takes.peek()[digit - 1];
  if (take) choose(take.id);
}

/** The page's one key listener. */
export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey || helpOpen.peek()) return;
  const target = event.target as HTMLElement;
  const typing = target.matches?.(TYPING);
  if (project.peek() && (event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.preventDefault();
    void makeSound();
    return;
  }
  if (typing) {
    if (event.key === "Escape") target.blur();
    return;
  }
  if (event.key === "?") {
    helpOpen.value = true;
    return;
  }
  if (!project.peek()) return;
  // Space on a button or a link presses that, as everywhere; the play button and the cues give it to the transport.
  if (event.key === " " && target.closest?.("button:not(.cue), a, summary, input")) return;
  if (target.matches?.("input[type=range]") && event.key.startsWith("Arrow")) return;
  if (/^\d$/.test(event.key) && !event.ctrlKey && !event.metaKey) {
    chooseByDigit(Number(event.key));
    return;
  }
  const action = ACTIONS[nameOf(event)];
  if (!action) return;
  event.preventDefault();
  action();
}
