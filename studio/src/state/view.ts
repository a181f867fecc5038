import { computed, effect, signal } from "@preact/signals";
import { share } from "../model/heights";
import { followed, settle, toPx, type View, zoomAt } from "../model/view";
import { narrow } from "./page";
import { chosen, transport } from "./player";

export const view = signal<View>({ from_s: 0, px_per_s: 100, width_px: 800, duration_s: 1 });

const SPECTRUM_KEY = "phonofilm-spectrum";

/** Room for all lanes together, and whether the spectrogram is one of them. */
export const room_px = signal(300);
export const spectrumOpen = signal(window.localStorage.getItem(SPECTRUM_KEY) !== "closed" && !narrow.peek());
export const heights = computed(() =>
  share(narrow.value ? 330 : room_px.value, chosen.value?.stems.length ?? 0, spectrumOpen.value),
);

export function toggleSpectrum(): void {
  spectrumOpen.value = !spectrumOpen.value;
  window.localStorage.setItem(SPECTRUM_KEY, spectrumOpen.value ? "open" : "closed");
}

const STEP = 1.5;

export function zoom(direction: 1 | -1): void {
  const now = view.peek();
  const head = toPx(now, transport.position_s.peek());
  const at_px = head >= 0 && head <= now.width_px ? head : now.width_px / 2;
  view.value = zoomAt(now, direction > 0 ? STEP : 1 / STEP, at_px);
}

export function fit(): void {
  view.value = settle({ ...view.peek(), px_per_s: 0, from_s: 0 });
}

/** Show a span as large as it goes, with a little air. */
export function show(first_s: number, end_s: number): void {
  const now = view.peek();
  const air_s = (end_s - first_s) * 0.1;
  const px_per_s = now.width_px / (end_s - first_s + 2 * air_s);
  view.value = settle({ ...now, px_per_s, from_s: first_s - air_s });
}

// The page of the timeline turns when the playhead runs out of it.
effect(() => {
  const position_s = transport.position_s.value;
  if (!transport.playing.value) return;
  const now = view.peek();
  const next = followed(now, position_s);
  if (next !== now) view.value = next;
});
