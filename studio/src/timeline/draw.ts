// What the lanes paint. Each function fills one canvas for one view.
import type { Strip } from "../api/types";
import { clock } from "../model/time";
import { rulerStep_s, toPx, toTime } from "../model/view";
import type { Sound } from "../sound/library";
import type { Peaks, Spectrogram } from "../sound/spectrum";
import type { Pen } from "./canvas";

/** Named ticks, and four small ones between each two. */
export function drawRuler({ context, width, height, view, palette }: Pen): void {
  const step_s = rulerStep_s(view.px_per_s, 72);
  const small_s = step_s / 5;
  context.font = `500 10.5px ${getComputedStyle(context.canvas).fontFamily}`;
  context.textBaseline = "middle";
  for (let k = Math.floor(view.from_s / small_s); k * small_s <= view.from_s + width / view.px_per_s; k++) {
    const x = Math.round(toPx(view, k * small_s)) + 0.5;
    const named = k % 5 === 0;
    context.strokeStyle = palette.grid;
    context.beginPath();
    context.moveTo(x, named ? height - 9 : height - 5);
    context.lineTo(x, height);
    context.stroke();
    if (!named) continue;
    const label = rulerLabel(k * small_s, step_s);
    if (x + 6 + context.measureText(label).width > width) continue;
    context.fillStyle = palette.text;
    context.fillText(label, x + 6, height / 2 - 1);
  }
}

function rulerLabel(time_s: number, step_s: number): string {
  if (step_s < 0.01) return time_s.toFixed(3);
  return step_s >= 1 ? (clock(time_s).split(".")[0] ?? "") : clock(time_s);
}

/** The film strip: tiles side by side, each the nearest frame there is to the instant at its middle. */
export function drawStrip(pen: Pen, image: HTMLImageElement | null, strip: Strip): void {
  const { context, width, height, view } = pen;
  if (!image?.complete || !image.naturalWidth || strip.frames < 1) return;
  const high = image.naturalHeight;
  const wide = image.naturalWidth / strip.frames;
  const tile_px = Math.max(16, (height * wide) / high);
  const end_px = Math.min(width, toPx(view, view.duration_s));
  // Tiles stand on a grid of the clip, not of the screen, so that they do not swim while it scrolls.
  const first = Math.floor((view.from_s * view.px_per_s) / tile_px);
  for (let k = first; k * tile_px - view.from_s * view.px_per_s < end_px; k++) {
    const x = k * tile_px - view.from_s * view.px_per_s;
    const frame = nearest(strip.times_s, toTime(view, x + tile_px / 2));
    context.drawImage(image, frame * wide, 0, wide, high, x, 0, tile_px - 1, height);
  }
}

/** Index of the number nearest to `time_s` in an ascending list. */
export function nearest(times_s: readonly number[], time_s: number): number {
  let low = 0;
  let high = times_s.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times_s[middle] as number) + (times_s[middle + 1] as number) < 2 * time_s) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Waveform: the extremes in a soft colour, the effective value in a full one. `gain` lifts quiet sounds to be seen. */
export function drawWave(pen: Pen, sound: Sound, colour: string, core: string, gain: number): void {
  const { context, width, height, view } = pen;
  if (!sound.buffer || !sound.peaks) return;
  const rate_hz = sound.buffer.sampleRate;
  const perPx = rate_hz / view.px_per_s;
  const middle = height / 2;
  const reach = (middle - 2) * gain;
  context.strokeStyle = colour;
  context.globalAlpha = 0.35;
  context.fillStyle = colour;
  context.fillRect(0, middle - 0.5, Math.min(width, toPx(view, sound.buffer.duration)), 1);
  context.globalAlpha = 1;
  if (perPx < 24) {
    drawSamples(pen, sound.buffer, reach);
    return;
  }
  const level = sound.peaks.findLast((one) => one.bin <= perPx) ?? (sound.peaks[0] as Peaks);
  for (const part of ["extremes", "core"] as const) {
    context.fillStyle = part === "core" ? core : colour;
    context.globalAlpha = part === "core" ? 1 : 0.55;
    context.beginPath();
    for (let x = 0; x < width; x++) {
      const from = Math.floor(((view.from_s + x / view.px_per_s) * rate_hz) / level.bin);
      const end = Math.max(from + 1, Math.floor(((view.from_s + (x + 1) / view.px_per_s) * rate_hz) / level.bin));
      const { low, high, rms } = over(level, from, end);
      const up = part === "core" ? Math.min(high, rms) : high;
      const down = part === "core" ? Math.max(low, -rms) : low;
      const top = middle - Math.min(1, up * gain) * (middle - 2);
      const bottom = middle - Math.max(-1, down * gain) * (middle - 2);
      if (bottom - top > 0.3) context.rect(x, top, 1, Math.max(1, bottom - top));
    }
    context.fill();
  }
  context.globalAlpha = 1;
}

function over(level: Peaks, from: number, end: number): { low: number; high: number; rms: number } {
  let low = 0;
  let high = 0;
  let sum = 0;
  const last = Math.min(end, level.low.length);
  for (let k = Math.max(0, from); k < last; k++) {
    low = Math.min(low, level.low[k] as number);
    high = Math.max(high, level.high[k] as number);
    sum += (level.rms[k] as number) ** 2;
  }
  return { low, high, rms: Math.sqrt(sum / Math.max(1, last - from)) };
}

/** Deep in, the line through the samples themselves. */
function drawSamples({ context, width, height, view }: Pen, buffer: AudioBuffer, reach: number): void {
  const samples = buffer.getChannelData(0);
  const first = Math.max(0, Math.floor(view.from_s * buffer.sampleRate) - 1);
  const last = Math.min(samples.length, Math.ceil((view.from_s + width / view.px_per_s) * buffer.sampleRate) + 1);
  context.lineWidth = 1.25;
  context.beginPath();
  for (let i = first; i < last; i++) {
    const y = height / 2 - (samples[i] as number) * reach;
    context.lineTo(toPx(view, i / buffer.sampleRate), y);
  }
  context.stroke();
}

/** How much a waveform may be enlarged so that its loudest instant fills the lane: 1 to 8. */
export function gainOf(sound: Sound): number {
  const coarsest = sound.peaks?.at(-1);
  if (!coarsest) return 1;
  let most = 0;
  for (let k = 0; k < coarsest.low.length; k++) {
    most = Math.max(most, -(coarsest.low[k] as number), coarsest.high[k] as number);
  }
  return Math.min(8, Math.max(1, 0.95 / Math.max(most, 1e-6)));
}

/** The whole spectrogram as a picture, low pitches at the bottom. */
export function paintSpectrogram(spectrogram: Spectrogram, heat: Uint8ClampedArray): HTMLCanvasElement {
  const { columns, bands, values } = spectrogram;
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = bands;
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const image = context.createImageData(columns, bands);
  const target = new Uint32Array(image.data.buffer);
  const colours = new Uint32Array(heat.buffer);
  for (let column = 0; column < columns; column++) {
    for (let band = 0; band < bands; band++) {
      target[(bands - 1 - band) * columns + column] = colours[values[column * bands + band] as number] as number;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

export function drawSpectrogram(
  { context, width, height, view }: Pen,
  picture: HTMLCanvasElement,
  hop_s: number,
): void {
  const x = toPx(view, 0);
  const wide = picture.width * hop_s * view.px_per_s;
  context.save();
  context.beginPath();
  context.rect(0, 0, Math.min(width, toPx(view, view.duration_s)), height);
  context.clip();
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, x - (hop_s * view.px_per_s) / 2, 0, wide, height);
  context.restore();
}
