import { effect, useComputed, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import { clock } from "../model/time";
import { resize, scrollBy, toPx, visible_s } from "../model/view";
import { type Sound, sounds } from "../sound/library";
import {
  chosen,
  chosenId,
  isHeard,
  mutedStems,
  ORIGINAL,
  project,
  shownUrl,
  soloStems,
  transport,
} from "../state/player";
import { heights, room_px, spectrumOpen, toggleSpectrum, view } from "../state/view";
import { Canvas, type Pen } from "./canvas";
import { CueLane } from "./cue_lane";
import { drawRuler, drawSpectrogram, drawStrip, drawWave, gainOf, paintSpectrogram } from "./draw";
import { EditBar } from "./edit_bar";
import { hover_s, lanesGestures, onLaneKey, onWheel } from "./gestures";

/** The one timeline: every lane shows the same stretch of time, and one playhead goes through all of them. */
export function Timeline() {
  const area = useRef<HTMLDivElement>(null);
  const left = useCallback(() => area.current?.getBoundingClientRect().left ?? 0, []);
  const gestures = useMemo(() => lanesGestures(left), [left]);
  useLanes(area, left);
  return (
    <section class="timeline" aria-label="Timeline" data-testid="timeline">
      <EditBar />
      <div class="lanes-scroll" {...gestures}>
        <div class="lanes">
          <div class="lane-area" ref={area} aria-hidden="true" />
          <Ruler />
          <StripLane />
          <Row name="cues" title="Cues">
            <CueLane />
          </Row>
          <SoundLanes />
          <Overlay />
        </div>
      </div>
      <Overview />
    </section>
  );
}

/** Keeps the view as wide as the lanes, its numbers in the style sheet, and the wheel in hand. */
function useLanes(area: { current: HTMLDivElement | null }, left: () => number): void {
  useEffect(() => {
    const element = area.current;
    const lanes = element?.parentElement;
    if (!element || !lanes) return;
    const watch = new ResizeObserver(() => {
      view.value = resize(view.peek(), Math.max(50, element.clientWidth));
    });
    watch.observe(element);
    const scroller = lanes.parentElement as HTMLElement;
    const room = new ResizeObserver(() => {
      room_px.value = scroller.clientHeight;
    });
    room.observe(scroller);
    const wheel = (event: WheelEvent) => onWheel(event, left());
    lanes.addEventListener("wheel", wheel, { passive: false });
    const stop = effect(() => {
      lanes.style.setProperty("--from", String(view.value.from_s));
      lanes.style.setProperty("--pps", String(view.value.px_per_s));
    });
    return () => {
      watch.disconnect();
      room.disconnect();
      lanes.removeEventListener("wheel", wheel);
      stop();
    };
  }, [area, left]);
}

function Row({
  name,
  title,
  head,
  children,
}: {
  name: string;
  title: string;
  head?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <div class={`row row-${name}`}>
      <div class="row-head">{head ?? <span class="row-title">{title}</span>}</div>
      <div class="row-body" data-lane={name}>
        {children}
      </div>
    </div>
  );
}

function Ruler() {
  const now = useComputed(() => Number(transport.position_s.value.toFixed(3)));
  const spoken = useComputed(() => `${transport.position_s.value.toFixed(2)} seconds`);
  const draw = useCallback((pen: Pen) => drawRuler(pen), []);
  return (
    <Row name="ruler" title="" head={<span class="row-title dim">Time</span>}>
      <div
        class="ruler"
        role="slider"
        tabIndex={0}
        aria-label="Playhead"
        aria-valuemin={0}
        aria-valuemax={project.value?.duration_s ?? 0}
        aria-valuenow={now}
        aria-valuetext={spoken}
        onKeyDown={onLaneKey}
        data-testid="ruler"
      >
        <Canvas height={24} draw={draw} label="Time ruler" />
      </div>
    </Row>
  );
}

function StripLane() {
  const loaded = useSignal<HTMLImageElement | null>(null);
  const strip = project.value?.strip;
  useEffect(() => {
    if (!strip) return;
    const image = new Image();
    image.onload = () => {
      loaded.value = image;
    };
    image.src = strip.url;
  }, [strip?.url]);
  const draw = useCallback((pen: Pen) => strip && drawStrip(pen, loaded.value, strip), [strip]);
  return (
    <Row name="strip" title="Picture">
      <Canvas height={heights.value.strip} draw={draw} label="Film strip" />
    </Row>
  );
}

function SoundLanes() {
  const url = shownUrl.value;
  const take = chosen.value;
  const sound = url ? sounds.value.get(url) : undefined;
  const title = take ? take.name : chosenId.value === ORIGINAL ? "Clip’s own sound" : "Sound";
  const head = (
    <>
      <span class="row-title" title={title}>
        {title}
      </span>
      {url && (
        <button
          type="button"
          class="row-toggle"
          aria-expanded={spectrumOpen.value}
          onClick={toggleSpectrum}
          title="Show or hide the spectrogram"
        >
          {spectrumOpen.value ? "Hide spectrum" : "Spectrum"}
        </button>
      )}
    </>
  );
  return (
    <>
      <Row name="wave" title={title} head={head}>
        <WaveLane sound={sound} height={heights.value.wave} label={`Waveform of ${title}`} stem={null} />
      </Row>
      {spectrumOpen.value && url && (
        <Row name="spectrum" title="Spectrum">
          <SpectrumLane sound={sound} title={title} />
        </Row>
      )}
      {take?.stems.map((stem) => (
        <Row key={stem.name} name={`stem stem-${stem.name}`} title={stem.name} head={<StemHead name={stem.name} />}>
          <WaveLane
            sound={sounds.value.get(stem.url)}
            height={heights.value.stem}
            label={`Waveform of ${stem.name}`}
            stem={stem.name}
          />
        </Row>
      ))}
    </>
  );
}

function StemHead({ name }: { name: string }) {
  const flip = (set: typeof mutedStems) => {
    const next = new Set(set.peek());
    if (!next.delete(name)) next.add(name);
    set.value = next;
  };
  const [mute, solo] = [mutedStems.value.has(name), soloStems.value.has(name)];
  return (
    <>
      <span class={`row-title stem-title ${isHeard(name) ? "" : "unheard"}`}>{name}</span>
      <span class="stem-buttons">
        <button
          type="button"
          class={`ms mute ${mute ? "on" : ""}`}
          aria-pressed={mute}
          aria-label={`Mute ${name}`}
          title={`Mute ${name}`}
          data-testid={`mute-${name}`}
          onClick={() => flip(mutedStems)}
        >
          M
        </button>
        <button
          type="button"
          class={`ms solo ${solo ? "on" : ""}`}
          aria-pressed={solo}
          aria-label={`Solo ${name}`}
          title={`Solo ${name}`}
          data-testid={`solo-${name}`}
          onClick={() => flip(soloStems)}
        >
          S
        </button>
      </span>
    </>
  );
}

function WaveLane({
  sound,
  height,
  label,
  stem,
}: {
  sound: Sound | undefined;
  height: number;
  label: string;
  stem: string | null;
}) {
  const draw = useCallback(
    (pen: Pen) => {
      if (!sound?.peaks) return;
      const colour = (stem && pen.palette.stems[stem]) || pen.palette.wave;
      const core = stem ? colour : pen.palette.waveCore;
      if (stem && !isHeard(stem)) pen.context.filter = "grayscale(1) opacity(0.45)";
      drawWave(pen, sound, colour, core, gainOf(sound));
      pen.context.filter = "none";
    },
    [sound, stem],
  );
  return (
    <div class="wave" data-ready={sound?.peaks ? "true" : "false"} data-testid={stem ? `stem-${stem}` : "waveform"}>
      <Canvas height={height} draw={draw} label={label} />
      {sound?.state === "loading" && <p class="lane-note busy">Loading…</p>}
      {sound?.state === "failed" && (
        <p class="lane-note bad">This sound could not be loaded ({sound.error}). Choose the take again to retry.</p>
      )}
      {!sound && !stem && <p class="lane-note">No sound yet. Say what should be heard, then press “Make sound”.</p>}
    </div>
  );
}

function SpectrumLane({ sound, title }: { sound: Sound | undefined; title: string }) {
  const spectrogram = sound?.spectrogram;
  const painted = useRef<{ heat: Uint8ClampedArray; of: unknown; picture: HTMLCanvasElement } | null>(null);
  const draw = useCallback(
    (pen: Pen) => {
      if (!spectrogram) return;
      const { heat } = pen.palette;
      if (painted.current?.heat !== heat || painted.current.of !== spectrogram) {
        painted.current = { heat, of: spectrogram, picture: paintSpectrogram(spectrogram, heat) };
      }
      drawSpectrogram(pen, painted.current.picture, spectrogram.hop_s);
    },
    [spectrogram],
  );
  return (
    <div class="spectrum">
      <Canvas height={heights.value.spectrum} draw={draw} label={`Spectrogram of ${title}, 45 Hz to 16 kHz`} />
      <span class="axis top">16k</span>
      <span class="axis bottom">45 Hz</span>
    </div>
  );
}

/** What lies over all lanes: the selected span, the line under the mouse and the playhead. */
function Overlay() {
  const head = useComputed(() => {
    const px = toPx(view.value, transport.position_s.value);
    const out = px < -8 || px > view.value.width_px + 8;
    return `transform:translateX(${px.toFixed(2)}px);${out ? "visibility:hidden" : ""}`;
  });
  const hover = useComputed(() =>
    hover_s.value === null ? "display:none" : `transform:translateX(${toPx(view.value, hover_s.value)}px)`,
  );
  const hoverText = useComputed(() => (hover_s.value === null ? "" : clock(hover_s.value)));
  const span = transport.span.value;
  return (
    <div class="overlay">
      {span && (
        <div class="span" style={`--t:${span.first_s};--d:${span.end_s - span.first_s}`} data-testid="span">
          <span class="span-edge left" data-edge="left" />
          <span class="span-edge right" data-edge="right" />
        </div>
      )}
      <div class="hover-line" style={hover}>
        <span>{hoverText}</span>
      </div>
      <div class="playhead" style={head} data-testid="playhead">
        <span class="playhead-grip" data-lane="head" />
      </div>
    </div>
  );
}

/** The whole clip in little; its window shows what the lanes show and can be dragged. */
function Overview() {
  const drag = useRef<number | null>(null);
  const bar = useRef<HTMLDivElement>(null);
  const window_ = useComputed(() => {
    const { from_s, duration_s } = view.value;
    const wide = Math.min(1, visible_s(view.value) / duration_s);
    return `left:${(from_s / duration_s) * 100}%;width:${wide * 100}%`;
  });
  const head = useComputed(() => `left:${(transport.position_s.value / view.value.duration_s) * 100}%`);
  const perPx = () => view.peek().duration_s / Math.max(1, bar.current?.clientWidth ?? 1);
  const onPointerDown = (event: PointerEvent) => {
    const box = bar.current?.getBoundingClientRect();
    if (!box) return;
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    drag.current = event.clientX;
    const middle_s = (event.clientX - box.left) * perPx();
    const { from_s, px_per_s } = view.peek();
    const wide_s = visible_s(view.peek());
    if (middle_s < from_s || middle_s > from_s + wide_s) {
      view.value = scrollBy(view.peek(), (middle_s - wide_s / 2 - from_s) * px_per_s);
    }
  };
  const onPointerMove = (event: PointerEvent) => {
    if (drag.current === null) return;
    view.value = scrollBy(view.peek(), (event.clientX - drag.current) * perPx() * view.peek().px_per_s);
    drag.current = event.clientX;
  };
  const onPointerUp = () => {
    drag.current = null;
  };
  return (
    <div class="overview" aria-hidden="true">
      <div class="row-head" />
      <div
        class="overview-bar"
        ref={bar}
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
      >
        <div class="overview-window" style={window_} />
        <div class="overview-head" style={head} />
      </div>
    </div>
  );
}
