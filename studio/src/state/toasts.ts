import { signal } from "@preact/signals";

export interface Toast {
  id: number;
  kind: "info" | "good" | "error";
  text: string;
  action?: { label: string; run: () => void };
}

export const toasts = signal<readonly Toast[]>([]);

const SHORT_MS = 6000;
const LONG_MS = 12000;
let next = 1;

/** Say something at the edge of the page for some seconds. Returns how to take it away earlier. */
export function say(text: string, kind: Toast["kind"] = "info", action?: Toast["action"]): () => void {
  const id = next++;
  toasts.value = [...toasts.value, { id, kind, text, action }].slice(-4);
  const timer = window.setTimeout(() => dismiss(id), kind === "error" ? LONG_MS : SHORT_MS);
  return () => {
    window.clearTimeout(timer);
    dismiss(id);
  };
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** An error in words, for a toast. */
export const complain = (error: unknown): void => {
  say(error instanceof Error ? error.message : String(error), "error");
};

export const UNDO_MS = SHORT_MS;

interface Pending {
  run: (keepalive: boolean) => void;
  timer: number;
}

const pending = new Set<Pending>();

/** Do something that cannot be undone only after the time for “Undo” has passed, or when the page goes away. */
export function later(text: string, run: (keepalive: boolean) => void, undo: () => void): void {
  const entry: Pending = { run, timer: 0 };
  const settle = () => {
    window.clearTimeout(entry.timer);
    pending.delete(entry);
  };
  entry.timer = window.setTimeout(() => {
    settle();
    run(false);
  }, UNDO_MS);
  pending.add(entry);
  const take = say(text, "info", {
    label: "Undo",
    run: () => {
      settle();
      take();
      undo();
    },
  });
}

window.addEventListener("pagehide", () => {
  for (const entry of pending) {
    window.clearTimeout(entry.timer);
    entry.run(true);
  }
  pending.clear();
});
