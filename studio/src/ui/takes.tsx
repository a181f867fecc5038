import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { download } from "../api/client";
import type { Line, Take } from "../api/types";
import { clock } from "../model/time";
import { sounds } from "../sound/library";
import { theme } from "../state/page";
import { choose, chosenId, ORIGINAL, originalUrl, project, takes, transport } from "../state/player";
import { alterTake, deleteTake, working } from "../state/project";
import { gainOf } from "../timeline/draw";
import { paletteOf } from "../timeline/palette";
import { EditableName, IconButton } from "./controls";
import { Icon, type IconName } from "./icons";

export function Takes() {
  const all = takes.value;
  const original = originalUrl.value;
  return (
    <section class="takes" aria-label="Takes" data-testid="takes">
      <header class="panel-head">
        <h2>Takes</h2>
        {all.length > 0 && <span class="count">{all.length}</span>}
        {all.length > 1 && <span class="hint-keys">keys 1–{Math.min(9, all.length)} switch</span>}
      </header>
      <ul class="cards">
        {original && <OriginalCard url={original} />}
        {all.map((take, index) => (
          <TakeCard key={take.id} take={take} index={index} />
        ))}
      </ul>
      {all.length === 0 && (
        <div class="empty">
          <Icon name="wave" />
          <p class="empty-title">{working.value.some((job) => job.kind !== "spot") ? "On its way" : "No takes yet"}</p>
          <p>
            Say what should be heard, or nothing at all, and press “Make sound”. Every take is another reading of the
            same picture.
          </p>
        </div>
      )}
    </section>
  );
}

/** A little waveform: enough to tell takes apart. */
function Thumb({ url }: { url: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const sound = sounds.value.get(url);
  const peaks = sound?.peaks;
  const now = theme.value;
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const [width, height] = [element.clientWidth * 2, 44];
    element.width = width;
    element.height = height;
    const level = peaks?.findLast((one) => one.low.length >= width / 6) ?? peaks?.[0];
    if (!level || !sound) return;
    const gain = gainOf(sound);
    context.fillStyle = paletteOf(now).wave;
    const bars = Math.floor(width / 6);
    for (let k = 0; k < bars; k++) {
      let most = 0;
      const from = Math.floor((k / bars) * level.rms.length);
      const end = Math.max(from + 1, Math.floor(((k + 1) / bars) * level.rms.length));
      for (let i = from; i < end; i++) most = Math.max(most, (level.high[i] ?? 0) * 0.6 + (level.rms[i] ?? 0) * 0.6);
      const high = Math.max(2, Math.min(1, most * gain) * height);
      context.beginPath();
      context.roundRect(k * 6, (height - high) / 2, 3.5, high, 1.75);
      context.fill();
    }
  }, [peaks, now, sound]);
  return <canvas ref={canvas} class="thumb" />;
}

function OriginalCard({ url }: { url: string }) {
  const on = chosenId.value === ORIGINAL;
  return (
    <li class={`card ${on ? "on" : ""}`}>
      <button
        type="button"
        class="card-main"
        aria-pressed={on}
        onClick={() => choose(ORIGINAL)}
        data-testid="original-card"
      >
        <span class="digit">0</span>
        <span class="card-text">
          <span class="card-name">The clip’s own sound</span>
          <span class="card-facts">as uploaded</span>
        </span>
      </button>
      {on && <Thumb url={url} />}
    </li>
  );
}

function facts(take: Take): string {
  const level = take.loudness_lufs === null ? null : `${take.loudness_lufs.toFixed(1).replace("-", "−")} LUFS`;
  return [`seed ${take.seed}`, level, take.model === "mini" ? null : take.model].filter(Boolean).join(" · ");
}

function origin(take: Take): string | null {
  const from = takes.value.find((one) => one.id === take.from_take);
  if (!take.from_take) return null;
  const spans = take.spans?.map(([a, b]) => `${a.toFixed(1)}–${b.toFixed(1)} s`).join(", ");
  return `${from ? from.name : "an earlier take"}${spans ? `, ${spans} anew` : ", parts anew"}`;
}

function TakeCard({ take, index }: { take: Take; index: number }) {
  const on = chosenId.value === take.id;
  const from = origin(take);
  return (
    <li class={`card ${on ? "on" : ""}`} data-testid="take-card" data-take={take.id} data-chosen={on}>
      <button
        type="button"
        class="card-main"
        aria-pressed={on}
        aria-label={`${take.name}, ${facts(take)}`}
        onClick={() => choose(take.id)}
        onDblClick={() => transport.toggle()}
        data-testid="take-choose"
      >
        <span class="digit">{index < 9 ? index + 1 : "·"}</span>
        <span class="card-text">
          <span class="card-name-space" />
          <span class="card-facts">{facts(take)}</span>
          {from && <span class="card-facts from">from {from}</span>}
        </span>
      </button>
      <EditableName
        value={take.name}
        label="Name of the take"
        class="card-name"
        onName={(name) => void alterTake(take, { name })}
        testid="take-name"
      />
      <IconButton
        icon="star"
        label={take.starred ? "Take the star away" : "Star this take"}
        class="star"
        on={take.starred}
        filled={take.starred}
        onClick={() => void alterTake(take, { starred: !take.starred })}
        data-testid="take-star"
      />
      <Thumb url={take.sound_url} />
      {on && <TakeDetails take={take} />}
    </li>
  );
}

function Save({ icon, label, url, testid }: { icon: IconName; label: string; url: string; testid: string }) {
  return (
    <a class="save" href={download(url)} download data-testid={testid}>
      <Icon name={icon} />
      {label}
    </a>
  );
}

function TakeDetails({ take }: { take: Take }) {
  const base = `/api/v1/projects/${project.value?.id}/takes/${take.id}`;
  return (
    <div class="details">
      <a class="button primary wide" href={download(take.video_url)} download data-testid="download-video">
        <Icon name="download" /> Download film
      </a>
      <div class="saves">
        <Save icon="wave" label="Mix" url={take.sound_url} testid="download-mix" />
        <Save icon="stack" label="Stems" url={`${base}/stems.zip`} testid="download-stems" />
        <Save icon="list" label="Cue sheet" url={take.cues_url} testid="download-cues" />
        {take.midi_url && <Save icon="note" label="MIDI" url={take.midi_url} testid="download-midi" />}
      </div>
      {take.reading && (take.reading.effects.length > 0 || take.reading.music.length > 0) && (
        <dl class="facts">
          <dt>Heard as effects</dt>
          <dd>{take.reading.effects.join(", ") || "what the picture shows"}</dd>
          {take.reading.music.length > 0 && (
            <>
              <dt>Heard as music</dt>
              <dd>{take.reading.music.join(", ")}</dd>
            </>
          )}
        </dl>
      )}
      {take.lines && take.lines.length > 0 && <Lines lines={take.lines} />}
      {take.notes.map((note) => (
        <p key={note} class="note">
          <Icon name="warning" />
          <span>{note}</span>
        </p>
      ))}
      <div class="card-foot">
        <span class="dim" title="The number in the watermark of this take: phonofilm detect finds it again">
          {take.mark.marked ? `Watermark ${take.mark.take_id}` : "Not watermarked"}
        </span>
        <IconButton
          icon="trash"
          label={`Delete ${take.name}`}
          onClick={() => deleteTake(take)}
          data-testid="take-delete"
        />
      </div>
    </div>
  );
}

const FITS_TALL = 4;

function Lines({ lines }: { lines: Line[] }) {
  const all = useSignal(false);
  const shown = all.value ? lines : lines.slice(0, FITS_TALL);
  return (
    <div class="lines">
      <h3>Dialogue</h3>
      <ul>
        {shown.map((line) => (
          <li key={`${line.start_s}${line.text}`}>
            <button type="button" onClick={() => transport.seek(line.start_s)} title="Go to this line">
              <span class="figures dim">{clock(line.start_s)}</span>
              <span>
                {line.speaker && <b>{line.speaker}: </b>}
                {line.text}
                {line.fit !== null && line.fit !== undefined && <em class="fit">{fitText(line.fit)}</em>}
              </span>
            </button>
          </li>
        ))}
      </ul>
      {lines.length > FITS_TALL && (
        <button
          type="button"
          class="text-button"
          onClick={() => {
            all.value = !all.value;
          }}
        >
          {all.value ? "Fewer lines" : `All ${lines.length} lines`}
        </button>
      )}
    </div>
  );
}

const fitText = (fit: string | number): string => (typeof fit === "number" ? `${Math.round(fit * 100)} % fit` : fit);
