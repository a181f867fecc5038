import { useRef } from "preact/hooks";
import * as model from "../model/cues";
import { snapToFrame } from "../model/time";
import { toTime } from "../model/view";
import * as state from "../state/cues";
import { project } from "../state/player";
import { spotting } from "../state/project";
import { heights, view } from "../state/view";

const AXIS_PX = 4;
const NUDGE_S = 0.01;
const ROOM_PX = 64;

type Grip = "whole" | "start" | "end";

interface Drag {
  cue: model.Cue;
  grip: Grip;
  x: number;
  y: number;
  axis: "time" | "strength" | null;
}

/** How far the head of a tick travels from strength 0 to 1; the style sheet uses the same distance. */
const travel_px = (): number => heights.peek().cues - 24;

/** What a pointer's way means for a cue: along the time, or up and down for its strength. */
function dragged(drag: Drag, event: PointerEvent): Partial<model.Cue> {
  const { cue, grip } = drag;
  const length_s = view.peek().duration_s;
  if (drag.axis === "strength") return { strength: cue.strength + (drag.y - event.clientY) / travel_px() };
  const moved_s = (event.clientX - drag.x) / view.peek().px_per_s;
  const rate_hz = project.peek()?.clip.frame_rate_hz ?? 25;
  const at_s = (grip === "end" ? cue.end_s : cue.start_s) + moved_s;
  const time_s = event.shiftKey ? snapToFrame(at_s, rate_hz) : at_s;
  return grip === "whole" ? model.movedTo(cue, time_s, length_s) : model.edgeTo(cue, grip, time_s, length_s);
}

function useDrag() {
  const drag = useRef<Drag | null>(null);
  const onPointerDown = (event: PointerEvent, cue: model.Cue) => {
    if (event.button !== 0) return;
    event.stopPropagation();
    state.selectedId.value = cue.id;
    const grip = ((event.target as HTMLElement).dataset.grip as Grip | undefined) ?? "whole";
    drag.current = { cue, grip, x: event.clientX, y: event.clientY, axis: grip === "whole" ? null : "time" };
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent) => {
    const now = drag.current;
    if (!now) return;
    event.stopPropagation();
    const [dx, dy] = [Math.abs(event.clientX - now.x), Math.abs(event.clientY - now.y)];
    if (!now.axis && Math.max(dx, dy) < AXIS_PX) return;
    now.axis ??= dx >= dy ? "time" : "strength";
    state.sketch(now.cue.id, dragged(now, event));
  };
  const onPointerUp = (event: PointerEvent) => {
    const now = drag.current;
    drag.current = null;
    event.stopPropagation();
    if (now?.axis) state.keepSketch(now.axis === "time" ? "Move cue" : "Change strength");
  };
  const onPointerCancel = () => {
    drag.current = null;
    state.dropSketch();
  };
  return { onPointerDown, onPointerMove, onPointerUp, onPointerCancel };
}

/** Keys on a cue that has the focus. */
export function onCueKey(event: KeyboardEvent, cue: model.Cue): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const frame_s = 1 / (project.peek()?.clip.frame_rate_hz ?? 25);
  const length_s = view.peek().duration_s;
  const nudge = (by_s: number) => state.alter(cue.id, model.movedTo(cue, cue.start_s + by_s, length_s), "Move cue");
  const actions: Record<string, () => void> = {
    ArrowLeft: () => focusCue(model.neighbour(state.cues.peek(), cue.id, -1)?.id),
    ArrowRight: () => focusCue(model.neighbour(state.cues.peek(), cue.id, 1)?.id),
    ArrowUp: () => state.alter(cue.id, { strength: cue.strength + 0.05 }, "Change strength"),
    ArrowDown: () => state.alter(cue.id, { strength: cue.strength - 0.05 }, "Change strength"),
    ",": () => nudge(-NUDGE_S),
    ".": () => nudge(NUDGE_S),
    "<": () => nudge(-frame_s),
    ">": () => nudge(frame_s),
    Enter: () => document.querySelector<HTMLInputElement>("[data-testid=cue-label]")?.select(),
    Delete: () => removeAndFocus(cue.id),
    Backspace: () => removeAndFocus(cue.id),
  };
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}

function removeAndFocus(id: number): void {
  state.remove(id);
  focusCue(state.selectedId.peek() ?? undefined);
}

/** Select a cue and give it the focus. */
export function focusCue(id: number | undefined): void {
  if (id === undefined) return;
  state.selectedId.value = id;
  requestAnimationFrame(() =>
    document.querySelector<HTMLElement>(`[data-cue="${id}"]`)?.focus({ preventScroll: true }),
  );
}

/** The cues of the clip: hits as ticks as high as they are strong, stretches as bars, coloured by what they are. */
export function CueLane() {
  const drag = useDrag();
  const all = state.cues.value;
  const { from_s, px_per_s, width_px } = view.value;
  const colours = state.colours.value;
  const selected = state.selectedId.value;
  const entry = all.some((cue) => cue.id === selected) ? selected : all[0]?.id;
  const end_s = from_s + width_px / px_per_s;
  const shown = all.filter((cue) => (cue.end_s > from_s - 0.5 && cue.start_s < end_s + 0.5) || cue.id === selected);
  const onDoubleClick = (event: MouseEvent) => {
    if ((event.target as HTMLElement).closest("[data-cue]")) return;
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const top = (event.clientY - box.top - 6) / travel_px();
    const start_s = toTime(view.peek(), event.clientX - box.left);
    state.add(model.newCue({ start_s, strength: Math.min(1, Math.max(0.1, 1 - top)) }));
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no lane
    <div
      class="cue-lane"
      role="group"
      aria-label={`Cues: ${all.length}. Arrow keys go from one to the next, comma and full stop move it.`}
      style={{ height: `${heights.value.cues}px`, "--travel": `${heights.value.cues - 24}px` }}
      onDblClick={onDoubleClick}
      data-testid="cue-lane"
    >
      {shown.map((cue) => (
        <CueMark
          key={cue.id}
          cue={cue}
          colour={colours.get(cue.label) ?? 0}
          named={hasRoom(cue, all, px_per_s)}
          reachable={cue.id === entry}
          drag={drag}
        />
      ))}
      {state.ready.value && all.length === 0 && (
        <p class="lane-note">
          Nothing was seen to happen. Double-click here, or press C, to say when something sounds.
        </p>
      )}
      {!state.ready.value && (
        <p class="lane-note busy">
          {spotting.value ? "Looking at the picture for what is heard when…" : "Loading cues…"}
        </p>
      )}
    </div>
  );
}

/** Whether the name of a hit fits before the next one. */
function hasRoom(cue: model.Cue, all: model.Cues, px_per_s: number): boolean {
  if (!model.isHit(cue)) return true;
  const next = all.find((other) => other.start_s > cue.start_s && model.isHit(other));
  return !next || (next.start_s - cue.start_s) * px_per_s > Math.max(ROOM_PX, 12 + cue.label.length * 6.2);
}

function CueMark({
  cue,
  colour,
  named,
  reachable,
  drag,
}: {
  cue: model.Cue;
  colour: number;
  named: boolean;
  reachable: boolean;
  drag: ReturnType<typeof useDrag>;
}) {
  const hit = model.isHit(cue);
  const chosen = state.selectedId.value === cue.id;
  const kind = hit ? "hit" : "stretch";
  const vars = `--t:${cue.start_s};--d:${cue.end_s - cue.start_s};--s:${cue.strength};--c:var(--cue-${colour})`;
  return (
    <button
      type="button"
      class={`cue ${kind} ${chosen ? "selected" : ""} ${cue.muted ? "muted" : ""} ${named ? "named" : ""}`}
      style={vars}
      tabIndex={reachable ? 0 : -1}
      aria-label={model.inWords(cue)}
      aria-pressed={chosen}
      data-cue={cue.id}
      data-kind={kind}
      data-start={cue.start_s.toFixed(4)}
      data-testid="cue"
      onPointerDown={(event) => drag.onPointerDown(event, cue)}
      onPointerMove={drag.onPointerMove}
      onPointerUp={drag.onPointerUp}
      onPointerCancel={drag.onPointerCancel}
      onFocus={() => {
        state.selectedId.value = cue.id;
      }}
      onKeyDown={(event) => onCueKey(event, cue)}
    >
      <span class="mark" />
      <span class="cue-name">{cue.prompt ? `“${cue.prompt}”` : cue.label}</span>
      {!hit && (
        <>
          <span class="grip start" data-grip="start" />
          <span class="grip end" data-grip="end" />
        </>
      )}
    </button>
  );
}
