// Every sound the page plays or draws: fetched and decoded once, then measured off the main thread.
import { signal } from "@preact/signals";
import type { Question } from "./analysis.worker";
import type { Peaks, Spectrogram } from "./spectrum";

export interface Sound {
  url: string;
  state: "loading" | "ready" | "failed";
  buffer?: AudioBuffer;
  peaks?: Peaks[];
  spectrogram?: Spectrogram;
  error?: string;
}

interface Answer {
  id: number;
  peaks: Peaks[];
  spectrogram?: Spectrogram;
}

const DECODE_RATE_HZ = 44100;

/** All sounds by address; a new map whenever one of them changes. */
export const sounds = signal<ReadonlyMap<string, Sound>>(new Map());

let worker: Worker | null = null;
let questions = 0;
const waiting = new Map<number, (answer: Answer) => void>();

function set(sound: Sound): void {
  sounds.value = new Map(sounds.value).set(sound.url, sound);
}

function measure(url: string, buffer: AudioBuffer, spectrogram: boolean): void {
  if (!worker) {
    worker = new Worker(new URL("./analysis.worker.ts", import.meta.url), { type: "module", name: "analysis" });
    worker.onmessage = (event: MessageEvent<Answer>) => waiting.get(event.data.id)?.(event.data);
  }
  const id = ++questions;
  waiting.set(id, (answer) => {
    if (answer.spectrogram || !spectrogram) waiting.delete(id);
    const sound = sounds.value.get(url);
    if (sound) set({ ...sound, peaks: answer.peaks, spectrogram: answer.spectrogram });
  });
  const samples = mono(buffer);
  const question: Question = { id, samples, rate_hz: buffer.sampleRate, spectrogram };
  worker.postMessage(question, [samples.buffer]);
}

function mono(buffer: AudioBuffer): Float32Array {
  const sum = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = buffer.getChannelData(channel);
    for (let i = 0; i < samples.length; i++)
      sum[i] = (sum[i] as number) + (samples[i] as number) / buffer.numberOfChannels;
  }
  return sum;
}

/** Begin to load a sound unless it is there already; one that failed is tried again. */
export function want(url: string, spectrogram: boolean): void {
  const known = sounds.peek().get(url);
  if (known && known.state !== "failed") return;
  set({ url, state: "loading" });
  void load(url, spectrogram);
}

async function load(url: string, spectrogram: boolean): Promise<void> {
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    // An offline context decodes without waiting for a gesture of the user, which a playing one would.
    const decoder = new OfflineAudioContext({ numberOfChannels: 1, length: 1, sampleRate: DECODE_RATE_HZ });
    const buffer = await decoder.decodeAudioData(await answer.arrayBuffer());
    set({ url, state: "ready", buffer });
    measure(url, buffer, spectrogram);
  } catch (error) {
    set({ url, state: "failed", error: error instanceof Error ? error.message : String(error) });
  }
}

/** Forget the sounds that are no longer wanted. */
export function keepOnly(urls: ReadonlySet<string>): void {
  const kept = [...sounds.peek()].filter(([url]) => urls.has(url));
  if (kept.length !== sounds.peek().size) sounds.value = new Map(kept);
}
