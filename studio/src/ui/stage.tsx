import { useComputed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { clock, timecode } from "../model/time";
import { chosenId, ORIGINAL, partner, project, swap, takes, transport } from "../state/player";
import { IconButton } from "./controls";

/** The picture. It is silent: sound comes from the takes, and the transport keeps the two together. */
export function Stage() {
  const video = useRef<HTMLVideoElement>(null);
  const url = project.value?.video_url;
  const drift = useComputed(() => (transport.drift_s.value * 1000).toFixed(1));
  useEffect(() => {
    transport.attach(video.current);
    return () => transport.attach(null);
  }, [url]);
  return (
    <div class="stage">
      <video
        key={url}
        ref={video}
        src={url}
        muted
        playsInline
        preload="auto"
        disablePictureInPicture
        aria-label={`Picture of ${project.value?.name ?? "the clip"}`}
        onClick={() => transport.toggle()}
        data-testid="video"
        data-drift-ms={drift}
      />
    </div>
  );
}

const sourceName = (id: string | null): string => {
  if (id === ORIGINAL) return "0";
  const at = takes.value.findIndex((take) => take.id === id);
  return at < 0 ? "–" : String(at + 1);
};

export function Transport() {
  const rate_hz = project.value?.clip.frame_rate_hz ?? 25;
  const now = useComputed(() => clock(transport.position_s.value));
  const code = useComputed(() => timecode(transport.position_s.value, rate_hz));
  const seconds = useComputed(() => `${transport.position_s.value.toFixed(3)} s`);
  const playing = transport.playing.value;
  const choices = takes.value.length + (project.value?.clip.has_sound ? 1 : 0);
  return (
    <div class="transport" role="toolbar" aria-label="Transport">
      <div class="transport-keys">
        <IconButton icon="back" label="One frame back" keys="←" onClick={() => transport.step(-1)} />
        <button
          type="button"
          class="play"
          aria-label={playing ? "Pause" : "Play"}
          title={`${playing ? "Pause" : "Play"} (Space)`}
          onClick={() => transport.toggle()}
          data-testid="play"
          data-playing={playing}
        >
          <PlayMark playing={playing} />
        </button>
        <IconButton icon="forth" label="One frame on" keys="→" onClick={() => transport.step(1)} />
        <IconButton
          icon="loop"
          label="Loop"
          keys="L"
          on={transport.loop.value}
          onClick={() => transport.setLoop(!transport.loop.peek())}
          data-testid="loop"
        />
      </div>
      <div class="times">
        <span class="time figures" data-testid="time" title={`Seconds: ${seconds.value}`}>
          {now}
        </span>
        <span class="figures dim hide-narrow">{seconds}</span>
        <span class="figures dim" title={`Timecode at ${rate_hz.toFixed(2)} frames a second`} data-testid="timecode">
          {code}
        </span>
      </div>
      <div class="transport-sound">
        {choices > 1 && (
          <button
            type="button"
            class="button small ab"
            onClick={swap}
            title="Back and forth between the last two takes (A)"
            data-testid="ab"
          >
            <b>{sourceName(chosenId.value)}</b>
            <span class="dim">A/B</span>
            <span>{sourceName(partner.value)}</span>
          </button>
        )}
        <IconButton
          icon={transport.muted.value ? "quiet" : "sound"}
          label={transport.muted.value ? "Unmute" : "Mute"}
          keys="M"
          onClick={() => transport.setVolume(transport.volume.peek(), !transport.muted.peek())}
        />
        <input
          class="volume"
          type="range"
          min={0}
          max={1}
          step={0.01}
          value={transport.volume.value}
          style={{ "--share": `${transport.volume.value * 100}%` }}
          aria-label="Volume"
          onInput={(event) => transport.setVolume(Number(event.currentTarget.value), false)}
        />
      </div>
    </div>
  );
}

function PlayMark({ playing }: { playing: boolean }) {
  return (
    <svg viewBox="0 0 20 20" aria-hidden="true" fill="currentColor">
      {playing ? <path d="M5.500 4h3v12h-3zM11.500 4h3v12h-3z" /> : <path d="M6 3.600v12.800L16.500 10z" />}
    </svg>
  );
}
