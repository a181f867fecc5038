// What part of the clip the timeline shows: one record for all lanes, so that they cannot disagree.
import { clamp } from "./time";

/** from_s: the instant at the left edge. px_per_s: zoom. width_px: of the lanes. duration_s: of the clip. */
export interface View {
  from_s: number;
  px_per_s: number;
  width_px: number;
  duration_s: number;
}

export const LARGEST_PX_PER_S = 4000;

export const fitZoom = (view: View): number => view.width_px / Math.max(view.duration_s, 0.1);

export const toPx = (view: View, time_s: number): number => (time_s - view.from_s) * view.px_per_s;

export const toTime = (view: View, px: number): number => clamp(view.from_s + px / view.px_per_s, 0, view.duration_s);

export const visible_s = (view: View): number => view.width_px / view.px_per_s;

export const isFitted = (view: View): boolean => view.px_per_s <= fitZoom(view) * 1.001;

/** The same view with zoom and place inside what the clip allows. */
export function settle(view: View): View {
  const px_per_s = clamp(view.px_per_s, fitZoom(view), Math.max(LARGEST_PX_PER_S, fitZoom(view)));
  const last_s = Math.max(0, view.duration_s - view.width_px / px_per_s);
  return { ...view, px_per_s, from_s: clamp(view.from_s, 0, last_s) };
}

/** Zoom by a factor, keeping the instant under `at_px` where it is. */
export function zoomAt(view: View, factor: number, at_px: number): View {
  const time_s = view.from_s + at_px / view.px_per_s;
  const zoomed = settle({ ...view, px_per_s: view.px_per_s * factor });
  return settle({ ...zoomed, from_s: time_s - at_px / zoomed.px_per_s });
}

export const scrollBy = (view: View, px: number): View => settle({ ...view, from_s: view.from_s + px / view.px_per_s });

/** The view after the lanes changed width: a fitted one stays fitted. */
export function resize(view: View, width_px: number): View {
  const fitted = isFitted(view);
  const next = { ...view, width_px };
  return settle(fitted ? { ...next, px_per_s: fitZoom(next) } : next);
}

/** The view turned by a page when the playhead has left it, else the same record. */
export function followed(view: View, time_s: number): View {
  const px = toPx(view, time_s);
  if (px >= 0 && px <= view.width_px) return view;
  return settle({ ...view, from_s: time_s - visible_s(view) * 0.08 });
}

const STEPS_S = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];

/** Distance of the ruler's named ticks: the smallest round one that leaves room for its label. */
export function rulerStep_s(px_per_s: number, room_px: number): number {
  return STEPS_S.find((step) => step * px_per_s >= room_px) ?? 1200;
}
