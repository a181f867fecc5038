// All decoded takes run side by side, started at the same sample; choosing one is a change of gains alone.

/** One stretch of playing: from `from_s` of the clip, beginning at `at_s` of the audio clock, up to `to_s` of the clip. */
export interface Segment {
  at_s: number;
  from_s: number;
  to_s: number;
}

interface Voice {
  buffer: AudioBuffer;
  gain: GainNode;
  sources: Map<Segment, AudioBufferSourceNode>;
}

const FADE_S = 0.008;
const LATE_S = 0.03;

export class Mixer {
  private readonly voices = new Map<string, Voice>();
  private readonly master: GainNode;
  private levels: ReadonlyMap<string, number> = new Map();

  constructor(private readonly context: AudioContext) {
    this.master = context.createGain();
    this.master.connect(context.destination);
  }

  /** Volume of everything, 0 to 1. */
  setVolume(volume: number): void {
    this.ramp(this.master.gain, volume);
  }

  /** Which sounds are heard, and how loud; all others run on unheard. */
  setLevels(levels: ReadonlyMap<string, number>): void {
    this.levels = levels;
    for (const [key, voice] of this.voices) this.ramp(voice.gain.gain, levels.get(key) ?? 0);
  }

  /** The sounds there are. A new one joins the segments that are playing, in step with the rest. */
  setSounds(buffers: ReadonlyMap<string, AudioBuffer>, playing: readonly Segment[]): void {
    for (const [key, voice] of this.voices) {
      if (buffers.get(key) === voice.buffer) continue;
      this.silence(voice, 0);
      voice.gain.disconnect();
      this.voices.delete(key);
    }
    for (const [key, buffer] of buffers) {
      if (this.voices.has(key)) continue;
      const gain = this.context.createGain();
      gain.gain.value = this.levels.get(key) ?? 0;
      gain.connect(this.master);
      const voice: Voice = { buffer, gain, sources: new Map() };
      this.voices.set(key, voice);
      for (const segment of playing) this.schedule(voice, segment);
    }
  }

  /** Let every sound play a segment. */
  play(segment: Segment): void {
    for (const voice of this.voices.values()) this.schedule(voice, segment);
  }

  /** Move the end of a segment that is playing or waits to. */
  setEnd(segment: Segment): void {
    const end_s = segment.at_s + segment.to_s - segment.from_s;
    for (const voice of this.voices.values()) voice.sources.get(segment)?.stop(end_s);
  }

  /** Take back a segment that has not begun. */
  drop(segment: Segment): void {
    for (const voice of this.voices.values()) {
      voice.sources.get(segment)?.stop();
      voice.sources.delete(segment);
    }
  }

  /** Stop all that plays, faded so that nothing clicks. */
  stop(): void {
    for (const voice of this.voices.values()) {
      this.ramp(voice.gain.gain, 0);
      this.silence(voice, this.context.currentTime + FADE_S * 1.5);
    }
    window.setTimeout(() => this.setLevels(this.levels), FADE_S * 2500);
  }

  private silence(voice: Voice, at_s: number): void {
    for (const source of voice.sources.values()) source.stop(at_s);
    voice.sources.clear();
  }

  private schedule(voice: Voice, segment: Segment): void {
    const source = this.context.createBufferSource();
    source.buffer = voice.buffer;
    source.connect(voice.gain);
    source.onended = () => voice.sources.get(segment) === source && voice.sources.delete(segment);
    const now_s = this.context.currentTime;
    const begin_s = segment.at_s >= now_s ? segment.at_s : now_s + LATE_S;
    const offset_s = segment.from_s + begin_s - segment.at_s;
    const end_s = segment.at_s + segment.to_s - segment.from_s;
    if (offset_s >= Math.min(segment.to_s, voice.buffer.duration)) return;
    source.start(begin_s, offset_s);
    source.stop(end_s);
    voice.sources.set(segment, source);
  }

  private ramp(gain: AudioParam, target: number): void {
    const now_s = this.context.currentTime;
    gain.cancelScheduledValues(now_s);
    gain.setValueAtTime(gain.value, now_s);
    gain.linearRampToValueAtTime(target, now_s + FADE_S);
  }
}
