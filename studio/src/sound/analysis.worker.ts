import { peaksOf, spectrogramOf } from "./spectrum";

export interface Question {
  id: number;
  samples: Float32Array;
  rate_hz: number;
  spectrogram: boolean;
}

self.onmessage = (event: MessageEvent<Question>) => {
  const { id, samples, rate_hz, spectrogram } = event.data;
  const peaks = peaksOf(samples);
  self.postMessage({ id, peaks });
  if (spectrogram) self.postMessage({ id, peaks, spectrogram: spectrogramOf(samples, rate_hz) });
};
