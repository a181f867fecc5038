/** "0:03.24": minutes, seconds, hundredths. */
export function clock(time_s: number): string {
  const hundredths = Math.max(0, Math.round(time_s * 100));
  const minutes = Math.floor(hundredths / 6000);
  const rest = hundredths - minutes * 6000;
  return `${minutes}:${String(Math.floor(rest / 100)).padStart(2, "0")}.${String(rest % 100).padStart(2, "0")}`;
}

/** "00:00:03:06": hours, minutes, seconds, frames at the clip's rounded rate, as editing programs count (non-drop). */
export function timecode(time_s: number, rate_hz: number): string {
  const whole = Math.max(1, Math.round(rate_hz));
  const frame = frameAt(time_s, rate_hz);
  const parts = [Math.floor(frame / whole / 3600), Math.floor(frame / whole / 60) % 60, Math.floor(frame / whole) % 60];
  return [...parts, frame % whole].map((part) => String(part).padStart(2, "0")).join(":");
}

/** The frame shown at an instant. A time a thousandth of a frame early counts as that frame: it was rounded. */
export function frameAt(time_s: number, rate_hz: number): number {
  return Math.max(0, Math.floor(time_s * rate_hz + 1e-3));
}

/** The begin of the frame nearest to an instant. */
export function snapToFrame(time_s: number, rate_hz: number): number {
  return Math.round(time_s * rate_hz) / rate_hz;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/** "3 min ago", "yesterday", "12 May": when a project was last touched. */
export function ago(iso: string, now_ms: number): string {
  const then = new Date(iso);
  const minutes = (now_ms - then.getTime()) / 60000;
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${Math.floor(minutes)} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  if (minutes < 48 * 60) return "yesterday";
  return then.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}
