// Pictures of sound: peaks of the waveform at several zooms, and a spectrogram on a logarithmic axis.

/** In place FFT of a complex signal whose length is a power of two (Cooley and Tukey 1965, radix 2). */
export function fft(real: Float64Array, imaginary: Float64Array): void {
  const size = real.length;
  for (let i = 1, j = 0; i < size; i++) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j] as number, real[i] as number];
      [imaginary[i], imaginary[j]] = [imaginary[j] as number, imaginary[i] as number];
    }
  }
  for (let length = 2; length <= size; length <<= 1) {
    const angle = (-2 * Math.PI) / length;
    const half = length >> 1;
    for (let k = 0; k < half; k++) {
      const cos = Math.cos(angle * k);
      const sin = Math.sin(angle * k);
      for (let i = k; i < size; i += length) {
        const a = i + half;
        const re = (real[a] as number) * cos - (imaginary[a] as number) * sin;
        const im = (real[a] as number) * sin + (imaginary[a] as number) * cos;
        real[a] = (real[i] as number) - re;
        imaginary[a] = (imaginary[i] as number) - im;
        real[i] = (real[i] as number) + re;
        imaginary[i] = (imaginary[i] as number) + im;
      }
    }
  }
}

/** Extremes and effective value of every `bin` samples: one level of a pyramid. */
export interface Peaks {
  bin: number;
  low: Float32Array;
  high: Float32Array;
  rms: Float32Array;
}

export const FIRST_BIN = 64;

/** The pyramid of one channel, each level four times as coarse as the one before. */
export function peaksOf(samples: Float32Array): Peaks[] {
  const count = Math.ceil(samples.length / FIRST_BIN);
  const first: Peaks = {
    bin: FIRST_BIN,
    low: new Float32Array(count),
    high: new Float32Array(count),
    rms: new Float32Array(count),
  };
  for (let k = 0; k < count; k++) {
    const end = Math.min(samples.length, (k + 1) * FIRST_BIN);
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (let i = k * FIRST_BIN; i < end; i++) {
      const value = samples[i] as number;
      if (value < low) low = value;
      if (value > high) high = value;
      sum += value * value;
    }
    first.low[k] = low;
    first.high[k] = high;
    first.rms[k] = Math.sqrt(sum / (end - k * FIRST_BIN));
  }
  const levels: Peaks[] = [first];
  for (let level = first; level.low.length > 64; ) {
    level = coarser(level);
    levels.push(level);
  }
  return levels;
}

function coarser(level: Peaks): Peaks {
  const count = Math.ceil(level.low.length / 4);
  const next: Peaks = {
    bin: level.bin * 4,
    low: new Float32Array(count),
    high: new Float32Array(count),
    rms: new Float32Array(count),
  };
  for (let k = 0; k < count; k++) {
    const end = Math.min(level.low.length, k * 4 + 4);
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (let i = k * 4; i < end; i++) {
      low = Math.min(low, level.low[i] as number);
      high = Math.max(high, level.high[i] as number);
      sum += (level.rms[i] as number) ** 2;
    }
    next.low[k] = low;
    next.high[k] = high;
    next.rms[k] = Math.sqrt(sum / (end - k * 4));
  }
  return next;
}

/** Loudness over time and pitch: `values` is columns × bands, 0 (−85 dB and less) to 255 (full scale), low bands first. */
export interface Spectrogram {
  columns: number;
  bands: number;
  hop_s: number;
  values: Uint8Array;
}

export const BANDS = 112;
export const LOWEST_HZ = 45;
export const HIGHEST_HZ = 16000;
const SIZE = 2048;
const FLOOR_DB = -85;
const MOST_COLUMNS = 6000;

/** Frequency at the middle of a band. */
export const bandHz = (band: number): number => LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** ((band + 0.5) / BANDS);

/** Which FFT bins each band reads: at least the one nearest to its middle. */
export function bandBins(rate_hz: number): { first: number; end: number }[] {
  const ratio = (HIGHEST_HZ / LOWEST_HZ) ** (0.5 / BANDS);
  return Array.from({ length: BANDS }, (_, band) => {
    const middle = bandHz(band);
    const first = Math.min(SIZE / 2 - 1, Math.round((middle / ratio / rate_hz) * SIZE));
    const end = Math.min(SIZE / 2, Math.max(first + 1, Math.round(((middle * ratio) / rate_hz) * SIZE)));
    return { first, end };
  });
}

/** The spectrogram of one channel: Hann windows of 2048 samples, as many columns as a wide screen can show. */
export function spectrogramOf(samples: Float32Array, rate_hz: number): Spectrogram {
  const hop = Math.max(256, Math.ceil(samples.length / MOST_COLUMNS));
  const columns = Math.max(1, Math.ceil(samples.length / hop));
  const bins = bandBins(rate_hz);
  const window = Float64Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE));
  const values = new Uint8Array(columns * BANDS);
  const real = new Float64Array(SIZE);
  const imaginary = new Float64Array(SIZE);
  const scale = (SIZE / 4) ** 2; // power of a full-scale sine under a Hann window
  for (let column = 0; column < columns; column++) {
    const first = column * hop - SIZE / 2;
    for (let i = 0; i < SIZE; i++) real[i] = (samples[first + i] ?? 0) * (window[i] as number);
    imaginary.fill(0);
    fft(real, imaginary);
    for (let band = 0; band < BANDS; band++) {
      const range = bins[band] as { first: number; end: number };
      let power = 0;
      for (let k = range.first; k < range.end; k++) {
        power = Math.max(power, (real[k] as number) ** 2 + (imaginary[k] as number) ** 2);
      }
      const level_db = 10 * Math.log10(power / scale + 1e-12);
      values[column * BANDS + band] = Math.max(0, Math.min(255, Math.round((1 - level_db / FLOOR_DB) * 255)));
    }
  }
  return { columns, bands: BANDS, hop_s: hop / rate_hz, values };
}
