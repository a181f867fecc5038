// Hands on the lanes: a click moves the playhead, a drag selects, scrubs or pans, two fingers and Ctrl+wheel zoom.
import { signal } from "@preact/signals";
import { snapToFrame } from "../model/time";
import { scrollBy, toTime, zoomAt } from "../model/view";
import { selectedId } from "../state/cues";
import { project, transport } from "../state/player";
import { view } from "../state/view";

const CLICK_PX = 4;
const SHORTEST_SPAN_S = 0.1;

/** The instant under the mouse, for the line that follows it. */
export const hover_s = signal<number | null>(null);

type Mode = "select" | "scrub" | "pan" | "left" | "right";

interface Drag {
  mode: Mode;
  x: number;
  time_s: number;
  moved: boolean;
}

const snapped = (time_s: number, event: MouseEvent): number =>
  event.shiftKey ? snapToFrame(time_s, project.peek()?.clip.frame_rate_hz ?? 25) : time_s;

/** Listeners for the element that holds all lane bodies. `left` tells its left edge on the screen. */
export function lanesGestures(left: () => number) {
  const fingers = new Map<number, number>();
  let drag: Drag | null = null;
  let pinch_px = 0;

  const timeAt = (event: MouseEvent) => toTime(view.peek(), event.clientX - left());

  const modeOf = (event: PointerEvent): Mode | null => {
    const target = event.target as HTMLElement;
    const handle = target.closest<HTMLElement>("[data-edge]")?.dataset.edge;
    if (handle === "left" || handle === "right") return handle;
    const lane = target.closest<HTMLElement>("[data-lane]")?.dataset.lane;
    if (!lane) return null;
    if (lane === "strip" || lane === "head") return "scrub";
    return event.pointerType === "touch" && lane !== "ruler" ? "pan" : "select";
  };

  const onPointerDown = (event: PointerEvent) => {
    const mode = modeOf(event);
    if (!mode || event.button !== 0) return;
    fingers.set(event.pointerId, event.clientX);
    if (fingers.size === 2) {
      drag = null;
      pinch_px = spread();
      return;
    }
    drag = { mode, x: event.clientX, time_s: timeAt(event), moved: false };
    if (mode !== "pan") (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    if (mode === "scrub") transport.seek(drag.time_s);
  };

  const spread = () => {
    const [a = 0, b = 0] = [...fingers.values()];
    return Math.max(10, Math.abs(a - b));
  };

  const onPointerMove = (event: PointerEvent) => {
    if (event.pointerType === "mouse") hover_s.value = timeAt(event);
    if (fingers.size === 2 && fingers.has(event.pointerId)) {
      fingers.set(event.pointerId, event.clientX);
      const now_px = spread();
      const middle = [...fingers.values()].reduce((a, b) => a + b, 0) / 2 - left();
      view.value = zoomAt(view.peek(), now_px / pinch_px, middle);
      pinch_px = now_px;
      return;
    }
    if (!drag) return;
    if (!drag.moved && Math.abs(event.clientX - drag.x) < CLICK_PX) return;
    drag.moved = true;
    const time_s = snapped(timeAt(event), event);
    if (drag.mode === "scrub") transport.seek(time_s);
    else if (drag.mode === "pan") {
      view.value = scrollBy(view.peek(), drag.x - event.clientX);
      drag.x = event.clientX;
    } else dragSpan(drag, time_s);
  };

  const onPointerUp = (event: PointerEvent) => {
    fingers.delete(event.pointerId);
    const done = drag;
    drag = null;
    if (!done) return;
    if (!done.moved && (done.mode === "select" || done.mode === "pan")) {
      transport.setSpan(null);
      transport.seek(done.time_s);
    }
  };

  const onPointerCancel = (event: PointerEvent) => {
    fingers.delete(event.pointerId);
    drag = null;
  };

  const onPointerLeave = () => {
    hover_s.value = null;
  };

  return { onPointerDown, onPointerMove, onPointerUp, onPointerCancel, onPointerLeave };
}

function dragSpan(drag: Drag, time_s: number): void {
  const span = transport.span.peek();
  // An edge that is dragged holds on to the other one; a fresh span holds on to where the drag began.
  const anchor_s =
    drag.mode === "left" ? (span?.end_s ?? 0) : drag.mode === "right" ? (span?.first_s ?? 0) : drag.time_s;
  if (drag.mode === "left" || drag.mode === "right") {
    drag.mode = "select";
    drag.time_s = anchor_s;
  }
  select(anchor_s, time_s);
}

/** Select from one instant to another, in either order, at least as long as the server can make anew. */
export function select(one_s: number, other_s: number): void {
  const end = view.peek().duration_s;
  const first_s = Math.max(0, Math.min(one_s, other_s, end - SHORTEST_SPAN_S));
  const end_s = Math.min(end, Math.max(one_s, other_s, first_s + SHORTEST_SPAN_S));
  // Its tools stand where those of a cue would.
  selectedId.value = null;
  transport.setSpan({ first_s, end_s });
}

/** Ctrl+wheel zooms at the pointer, Shift+wheel and sideways wheels scroll; a plain wheel is left to the page. */
export function onWheel(event: WheelEvent, left: number): void {
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    view.value = zoomAt(view.peek(), Math.exp(-event.deltaY * 0.0025), event.clientX - left);
    return;
  }
  const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
    event.preventDefault();
    view.value = scrollBy(view.peek(), sideways);
  }
}

/** Arrow keys on a lane: along the time by frames, with Shift the selection grows; up and down zoom. */
export function onLaneKey(event: KeyboardEvent): void {
  const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
  if (!step || !event.shiftKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  event.stopPropagation();
  const frame_s = 1 / (project.peek()?.clip.frame_rate_hz ?? 25);
  const head_s = transport.position_s.peek();
  const span = transport.span.peek() ?? { first_s: head_s, end_s: head_s };
  // Grows at the end that the arrow points to.
  if (step > 0) select(span.first_s, span.end_s + frame_s);
  else select(span.first_s - frame_s, span.end_s);
}
