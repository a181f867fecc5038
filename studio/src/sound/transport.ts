// One clock for sound and picture.
//
// The audio clock leads and the picture follows. Ears notice a gap of 3 ms, eyes do not notice one frame shown 8 ms
// early; a sound that is bent or restarted to follow the picture would be heard, a picture that runs 3 % faster for half
// a second is not seen. So the takes play from decoded buffers on the sample clock of the sound card, the video element
// is muted, and after every frame it presents we compare that frame's own timestamp with the instant that is heard at
// the moment of its display (requestVideoFrameCallback gives both): small errors are steered away with the playback
// rate, large ones with a seek.
import { batch, signal } from "@preact/signals";
import { clamp, frameAt } from "../model/time";
import { Mixer, type Segment } from "./mixer";

const LEAD_S = 0.05;
const SCHEDULE_AHEAD_S = 0.35;
const HARD_S = 0.3;
const EASY_S = 0.01;
const SEEK_REST_MS = 600;
const PAST_EDGE_S = 0.002;

export interface Span {
  first_s: number;
  end_s: number;
}

export class Transport {
  readonly playing = signal(false);
  readonly position_s = signal(0);
  readonly loop = signal(false);
  readonly span = signal<Span | null>(null);
  readonly volume = signal(1);
  readonly muted = signal(false);
  /** How far the picture is behind the sound, seconds; positive is late. */
  readonly drift_s = signal(0);

  private context: AudioContext | null = null;
  private mixer: Mixer | null = null;
  private video: HTMLVideoElement | null = null;
  private segments: Segment[] = [];
  private sounds: ReadonlyMap<string, AudioBuffer> = new Map();
  private levels: ReadonlyMap<string, number> = new Map();
  private duration_s = 0;
  private rate_hz = 25;
  private lastSeek_ms = 0;
  private wanted_s: number | null = null;
  private timer = 0;

  /** Begin with another clip, paused at its start. */
  open(duration_s: number, rate_hz: number): void {
    this.pause();
    this.duration_s = duration_s;
    this.rate_hz = rate_hz;
    batch(() => {
      this.position_s.value = 0;
      this.span.value = null;
    });
  }

  /** The element that shows the picture; null when it goes away. */
  attach(video: HTMLVideoElement | null): void {
    this.video = video;
    if (!video) return;
    video.muted = true;
    video.addEventListener("seeked", () => this.wanted_s !== null && this.showFrame(this.wanted_s));
    video.addEventListener("loadeddata", () => this.showFrame(this.position_s.peek()));
    this.watchFrames(video);
  }

  setSounds(sounds: ReadonlyMap<string, AudioBuffer>): void {
    this.sounds = sounds;
    this.mixer?.setSounds(sounds, this.segments);
  }

  setLevels(levels: ReadonlyMap<string, number>): void {
    this.levels = levels;
    this.mixer?.setLevels(levels);
  }

  setVolume(volume: number, muted: boolean): void {
    this.volume.value = clamp(volume, 0, 1);
    this.muted.value = muted;
    // Squared: a slider that is linear in amplitude does nearly all its work in its lowest tenth.
    this.mixer?.setVolume(muted ? 0 : this.volume.value ** 2);
  }

  toggle(): void {
    if (this.playing.peek()) this.pause();
    else void this.play();
  }

  /** Play from the playhead. Called from a gesture: browsers let sound begin only then. */
  async play(): Promise<void> {
    if (this.playing.peek() || this.duration_s <= 0) return;
    const { context, mixer } = this.wake();
    this.playing.value = true;
    if (context.state !== "running") await context.resume();
    if (!this.playing.peek()) return;
    const { first_s, end_s } = this.bounds();
    let from_s = this.position_s.peek();
    if (from_s >= end_s - 0.02 || (this.loop.peek() && from_s < first_s)) from_s = first_s;
    const segment = { at_s: context.currentTime + LEAD_S, from_s, to_s: end_s };
    this.segments = [segment];
    mixer.setLevels(this.levels);
    mixer.play(segment);
    this.startPicture(from_s);
    this.timer = window.setInterval(() => this.tick(), 100);
    requestAnimationFrame(this.draw);
  }

  pause(): void {
    if (!this.playing.peek()) return;
    window.clearInterval(this.timer);
    const at_s = this.heard_s();
    this.playing.value = false;
    this.mixer?.stop();
    this.segments = [];
    if (this.video) {
      this.video.pause();
      this.video.playbackRate = 1;
    }
    this.position_s.value = at_s;
    this.showFrame(at_s);
  }

  /** Put the playhead somewhere; playing goes on from there. */
  seek(time_s: number): void {
    const to_s = clamp(time_s, 0, this.duration_s);
    const playing = this.playing.peek();
    if (playing) this.pause();
    this.position_s.value = to_s;
    if (playing) void this.play();
    else this.showFrame(to_s);
  }

  /** Pause and go some frames on or back, to the begin of that frame. */
  step(frames: number): void {
    this.pause();
    const frame = frameAt(this.position_s.peek(), this.rate_hz) + frames;
    const last = Math.max(0, Math.ceil(this.duration_s * this.rate_hz - 1e-3) - 1);
    this.seek(clamp(frame, 0, last) / this.rate_hz);
  }

  setLoop(loop: boolean): void {
    this.loop.value = loop;
    this.bend();
  }

  setSpan(span: Span | null): void {
    this.span.value = span;
    if (this.loop.peek()) this.bend();
  }

  private bounds(): Span {
    const span = this.loop.peek() ? this.span.peek() : null;
    return span ?? { first_s: 0, end_s: this.duration_s };
  }

  /** What plays takes up a changed loop without a gap: only its end moves, unless it is past that already. */
  private bend(): void {
    const [current, next] = this.segments;
    if (!this.playing.peek() || !current) return;
    const { first_s, end_s } = this.bounds();
    const now_s = this.heard_s();
    if (now_s >= end_s - 0.05 || now_s < first_s) {
      this.seek(this.loop.peek() ? first_s : now_s);
      return;
    }
    if (next) {
      this.mixer?.drop(next);
      this.segments = [current];
    }
    current.to_s = end_s;
    this.mixer?.setEnd(current);
  }

  private wake(): { context: AudioContext; mixer: Mixer } {
    if (!this.context || !this.mixer) {
      this.context = new AudioContext({ latencyHint: "interactive" });
      this.mixer = new Mixer(this.context);
      this.mixer.setSounds(this.sounds, []);
      this.mixer.setLevels(this.levels);
      this.setVolume(this.volume.peek(), this.muted.peek());
    }
    return { context: this.context, mixer: this.mixer };
  }

  /** The audio clock at the moment: of what leaves the loudspeaker, not of what is being computed. */
  private clock_s(ahead_ms = 0): number {
    const context = this.context;
    if (!context) return 0;
    const stamp = context.getOutputTimestamp?.();
    if (stamp?.contextTime && stamp.performanceTime) {
      const since_s = (performance.now() + ahead_ms - stamp.performanceTime) / 1000;
      return Math.min(context.currentTime + ahead_ms / 1000, stamp.contextTime + since_s);
    }
    return context.currentTime + ahead_ms / 1000 - (context.outputLatency || 0);
  }

  /** The instant of the clip that is heard now. */
  private heard_s(ahead_ms = 0): number {
    const now_s = this.clock_s(ahead_ms);
    const segment = this.segments.findLast((one) => one.at_s <= now_s) ?? this.segments[0];
    if (!segment) return this.position_s.peek();
    return clamp(segment.from_s + now_s - segment.at_s, segment.from_s, segment.to_s);
  }

  /** Prepares the next round of a loop and notices the end. On a timer, as frames are not drawn in a hidden tab. */
  private tick(): void {
    const last = this.segments.at(-1);
    if (!last || !this.playing.peek()) return;
    const now_s = this.clock_s();
    const end_s = last.at_s + last.to_s - last.from_s;
    if (this.loop.peek() && now_s > end_s - SCHEDULE_AHEAD_S) {
      const { first_s, end_s: to_s } = this.bounds();
      const next = { at_s: end_s, from_s: first_s, to_s };
      this.segments.push(next);
      this.mixer?.play(next);
    } else if (!this.loop.peek() && now_s >= end_s) {
      this.pause();
      return;
    }
    if (this.segments.length > 1 && (this.segments[1] as Segment).at_s <= now_s) {
      this.segments.shift();
      this.startPicture(this.heard_s());
    }
  }

  private readonly draw = () => {
    if (!this.playing.peek()) return;
    this.position_s.value = this.heard_s();
    requestAnimationFrame(this.draw);
  };

  private startPicture(from_s: number): void {
    if (!this.video) return;
    this.lastSeek_ms = performance.now();
    this.wanted_s = null;
    if (Math.abs(this.video.currentTime - from_s) > 0.5 / this.rate_hz) this.video.currentTime = from_s + PAST_EDGE_S;
    this.video.playbackRate = 1;
    void this.video.play().catch(() => undefined);
  }

  /** Show the frame of an instant while paused. Seeks asked for during a seek wait for its end: only the last counts. */
  private showFrame(time_s: number): void {
    const video = this.video;
    if (!video || this.playing.peek() || video.readyState < 1) return;
    if (video.seeking) {
      this.wanted_s = time_s;
      return;
    }
    this.wanted_s = null;
    const target_s = Math.min(time_s + PAST_EDGE_S, Math.max(0, (video.duration || this.duration_s) - PAST_EDGE_S));
    if (Math.abs(video.currentTime - target_s) > 1e-4) video.currentTime = target_s;
  }

  private watchFrames(video: HTMLVideoElement): void {
    if (!("requestVideoFrameCallback" in video)) return;
    const look = (now_ms: number, frame: VideoFrameCallbackMetadata) => {
      if (this.video !== video) return;
      if (this.playing.peek()) this.steer(video, frame.mediaTime, frame.expectedDisplayTime, now_ms);
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }

  private steer(video: HTMLVideoElement, frame_s: number, shown_ms: number, now_ms: number): void {
    const heard_s = this.heard_s(shown_ms - performance.now());
    const drift_s = heard_s - frame_s;
    this.drift_s.value = drift_s;
    if (Math.abs(drift_s) > HARD_S) {
      if (now_ms - this.lastSeek_ms < SEEK_REST_MS) return;
      this.lastSeek_ms = now_ms;
      video.currentTime = clamp(heard_s + 0.06, 0, this.duration_s);
      return;
    }
    const rate = Math.abs(drift_s) < EASY_S ? 1 : 1 + clamp(drift_s * 2, -0.2, 0.2);
    if (Math.abs(video.playbackRate - rate) > 0.005) video.playbackRate = rate;
  }
}
