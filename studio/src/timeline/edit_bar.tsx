import type { ComponentChildren } from "preact";
import * as model from "../model/cues";
import { isFitted } from "../model/view";
import * as state from "../state/cues";
import { chosen, project, transport } from "../state/player";
import { changedCues, remake, starting, working } from "../state/project";
import { complain } from "../state/toasts";
import { fit, show, view, zoom } from "../state/view";
import { IconButton, NumberBox } from "../ui/controls";
import { Icon } from "../ui/icons";

/** One row above the lanes: what can be done with what is selected, or with the cues as a whole. */
export function EditBar() {
  const cue = state.selected.value;
  const span = transport.span.value;
  return (
    <div class="edit-bar" role="toolbar" aria-label="Timeline tools">
      <div class="edit-main">{cue ? <CueTools cue={cue} /> : span ? <SpanTools /> : <SheetTools />}</div>
      <div class="edit-side">
        <History />
        <span class="rule" />
        <IconButton icon="minus" label="Zoom out" keys="−" onClick={() => zoom(-1)} disabled={isFitted(view.value)} />
        <IconButton icon="plus" label="Zoom in" keys="+" onClick={() => zoom(1)} data-testid="zoom-in" />
        <IconButton icon="fit" label="Show all" keys="F" onClick={fit} disabled={isFitted(view.value)} />
      </div>
    </div>
  );
}

function History() {
  const [undo, redo] = [state.canUndo.value, state.canRedo.value];
  return (
    <>
      <IconButton
        icon="undo"
        label={undo ? `Undo: ${undo}` : "Undo"}
        keys="Ctrl+Z"
        disabled={!undo}
        onClick={state.undo}
        data-testid="undo"
      />
      <IconButton
        icon="redo"
        label={redo ? `Redo: ${redo}` : "Redo"}
        keys="Ctrl+Shift+Z"
        disabled={!redo}
        onClick={state.redo}
        data-testid="redo"
      />
    </>
  );
}

const SAVED: Record<state.Saving, string> = {
  saved: "Saved",
  waiting: "Saving…",
  saving: "Saving…",
  failed: "Not saved",
};

function SheetTools() {
  const all = state.cues.value;
  const hits = all.filter(model.isHit).length;
  const stretches = all.length - hits;
  if (!state.ready.value) return <span class="muted-text">Timeline</span>;
  return (
    <>
      <button type="button" class="button small" onClick={addAtPlayhead} data-testid="add-cue" title="Add cue (C)">
        <Icon name="plus" /> Add cue
      </button>
      <span class="muted-text hide-narrow">
        {hits} {hits === 1 ? "hit" : "hits"}, {stretches} {stretches === 1 ? "stretch" : "stretches"}
      </span>
      <RemakeButton />
      {state.isEdited.value && (
        <button
          type="button"
          class="text-button"
          onClick={() => state.backToSeen().catch(complain)}
          data-testid="back-to-seen"
        >
          Back to what was seen
        </button>
      )}
      {state.canUndo.value && (
        <span
          class={`muted-text hide-narrow ${state.saving.value === "failed" ? "bad" : ""}`}
          title={state.savingError.value}
          data-testid="cue-saving"
        >
          {SAVED[state.saving.value]}
        </span>
      )}
    </>
  );
}

/** Make anew what the cues say differently since the chosen take was made. */
function RemakeButton() {
  const take = chosen.value;
  const count = changedCues.value;
  if (!take || count === 0) return null;
  return (
    <button
      type="button"
      class="button small accent"
      disabled={starting.value || working.value.length > 0}
      onClick={() => void remake([])}
      data-testid="remake-cues"
      title={`Makes only the changed parts of ${take.name} anew, as a new take`}
    >
      Remake {count} changed {count === 1 ? "cue" : "cues"}
    </button>
  );
}

/** Add a hit where the playhead stands. */
export function addAtPlayhead(): void {
  if (state.ready.peek()) state.add(model.newCue({ start_s: transport.position_s.peek() }));
}

/** Add a stretch over the selected span. */
export function addOverSpan(): void {
  const span = transport.span.peek();
  if (!span || !state.ready.peek()) return;
  state.add(model.newCue({ start_s: span.first_s, end_s: span.end_s, strength: 0.6, label: "sound" }));
  transport.setSpan(null);
}

export function remakeSpan(): void {
  const span = transport.span.peek();
  if (span && chosen.peek()) void remake([[round(span.first_s), round(span.end_s)]]);
}

const round = (time_s: number): number => Math.round(time_s * 1e4) / 1e4;

function SpanTools() {
  const span = transport.span.value;
  const take = chosen.value;
  if (!span) return null;
  return (
    <>
      <span class="figures strong" data-testid="span-text">
        {span.first_s.toFixed(2)}–{span.end_s.toFixed(2)} s
      </span>
      <button
        type="button"
        class="button small accent"
        disabled={!take || starting.value || working.value.length > 0}
        onClick={remakeSpan}
        data-testid="regenerate-span"
        title={take ? `Makes this span of ${take.name} anew (R)` : "Choose a take first: a span of it is made anew"}
      >
        Regenerate this span
      </button>
      <IconButton
        icon="loop"
        label="Loop this span"
        keys="L"
        on={transport.loop.value}
        onClick={() => transport.setLoop(!transport.loop.peek())}
      />
      <IconButton icon="fit" label="Zoom to this span" keys="Z" onClick={() => show(span.first_s, span.end_s)} />
      <button type="button" class="text-button" onClick={addOverSpan} data-testid="add-stretch">
        Add stretch
      </button>
      <IconButton
        icon="close"
        label="Clear selection"
        keys="Esc"
        onClick={() => transport.setSpan(null)}
        data-testid="clear-span"
      />
    </>
  );
}

function Slider({
  label,
  value,
  low,
  text,
  onValue,
  testid,
}: {
  label: string;
  value: number;
  low: number;
  text: string;
  onValue: (value: number, done: boolean) => void;
  testid: string;
}) {
  const share = (value - low) / (1 - low);
  return (
    <label class="mini-slider" title={`${label}: ${text}`}>
      <span>{label}</span>
      <input
        type="range"
        min={low}
        max={1}
        step={0.01}
        value={value}
        style={{ "--share": `${share * 100}%` }}
        aria-valuetext={text}
        data-testid={testid}
        onInput={(event) => onValue(Number(event.currentTarget.value), false)}
        onChange={(event) => onValue(Number(event.currentTarget.value), true)}
      />
      <output>{text}</output>
    </label>
  );
}

const sideOf = (place: number): string =>
  Math.abs(place) < 0.005 ? "centre" : `${Math.round(Math.abs(place) * 100)} ${place < 0 ? "L" : "R"}`;

function CueTools({ cue }: { cue: model.Cue }) {
  const length_s = project.value?.duration_s ?? 0;
  const slide = (change: Partial<model.Cue>, what: string) => (_: number, done: boolean) => {
    state.sketch(cue.id, change);
    if (done) state.keepSketch(what);
  };
  const text = (field: "label" | "prompt", what: string) => (event: { currentTarget: HTMLInputElement }) => {
    const value = event.currentTarget.value.trim();
    if (value !== cue[field]) state.alter(cue.id, { [field]: value || (field === "label" ? "hit" : "") }, what);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter") (event.currentTarget as HTMLElement).blur();
  };
  return (
    <div class="cue-tools" key={cue.id} data-testid="cue-tools">
      <CueFields cue={cue} length_s={length_s} text={text} keys={keys} />
      <Slider
        label="Strength"
        value={cue.strength}
        low={0}
        text={`${Math.round(cue.strength * 100)} %`}
        onValue={(value, done) => slide({ strength: value }, "Change strength")(value, done)}
        testid="cue-strength"
      />
      <Slider
        label="Place"
        value={cue.place}
        low={-1}
        text={sideOf(cue.place)}
        onValue={(value, done) => slide({ place: value }, "Change place")(value, done)}
        testid="cue-place"
      />
      <IconButton
        icon={cue.muted ? "quiet" : "sound"}
        label={cue.muted ? "Let it be heard" : "Mute this cue"}
        on={cue.muted}
        onClick={() => state.alter(cue.id, { muted: !cue.muted }, cue.muted ? "Unmute cue" : "Mute cue")}
        data-testid="cue-mute"
      />
      <IconButton
        icon="trash"
        label="Delete cue"
        keys="Del"
        onClick={() => state.remove(cue.id)}
        data-testid="cue-delete"
      />
      <IconButton
        icon="close"
        label="Done with this cue"
        keys="Esc"
        onClick={() => {
          state.selectedId.value = null;
        }}
      />
    </div>
  );
}

type TextEdit = (field: "label" | "prompt", what: string) => (event: { currentTarget: HTMLInputElement }) => void;

function CueFields({
  cue,
  length_s,
  text,
  keys,
}: {
  cue: model.Cue;
  length_s: number;
  text: TextEdit;
  keys: (event: KeyboardEvent) => void;
}): ComponentChildren {
  const time = (edge: "start" | "end") => (value: number | null) => {
    if (value === null) return;
    const whole = edge === "start" && model.isHit(cue);
    const change = whole ? model.movedTo(cue, value, length_s) : model.edgeTo(cue, edge, value, length_s);
    state.alter(cue.id, change, "Move cue");
  };
  const rounded = (value: number) => Number(value.toFixed(3));
  return (
    <>
      <span class="swatch" style={`--c:var(--cue-${state.colours.value.get(cue.label) ?? 0})`} />
      <input
        class="cue-text"
        value={cue.label}
        aria-label="What is heard"
        title="What is heard"
        list="cue-labels"
        data-testid="cue-label"
        onChange={text("label", "Rename cue")}
        onKeyDown={keys}
      />
      <datalist id="cue-labels">
        {[...state.colours.value.keys()].map((label) => (
          <option key={label} value={label} />
        ))}
      </datalist>
      <NumberBox
        label="Start, seconds"
        value={rounded(cue.start_s)}
        low={0}
        high={length_s}
        step="any"
        onNumber={time("start")}
        testid="cue-start"
      />
      {!model.isHit(cue) && (
        <NumberBox
          label="End, seconds"
          value={rounded(cue.end_s)}
          low={0}
          high={length_s}
          step="any"
          onNumber={time("end")}
          testid="cue-end"
        />
      )}
      <input
        class="cue-text wide"
        value={cue.prompt}
        placeholder="Own prompt: a glass breaks"
        aria-label="Prompt of this cue alone"
        title="What is to be heard here alone, in words"
        maxLength={model.LONGEST_PROMPT}
        data-testid="cue-prompt"
        onChange={text("prompt", "Change prompt of cue")}
        onKeyDown={keys}
      />
    </>
  );
}
