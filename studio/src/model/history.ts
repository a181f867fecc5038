/** Values one after another, for undo and redo. Immutable: every function returns a new history. */
export interface History<T> {
  readonly past: readonly { value: T; what: string }[];
  readonly now: T;
  readonly future: readonly { value: T; what: string }[];
}

const DEEPEST = 300;

export const begin = <T>(now: T): History<T> => ({ past: [], now, future: [] });

/** After an edit called `what` ("Move cue"). What had been undone can no longer be redone. */
export function edited<T>(history: History<T>, value: T, what: string): History<T> {
  return { past: [...history.past, { value: history.now, what }].slice(-DEEPEST), now: value, future: [] };
}

/** One step back; the same history where there is none. */
export function undone<T>(history: History<T>): History<T> {
  const last = history.past.at(-1);
  if (!last) return history;
  const future = [{ value: history.now, what: last.what }, ...history.future];
  return { past: history.past.slice(0, -1), now: last.value, future };
}

/** One step forward again; the same history where there is none. */
export function redone<T>(history: History<T>): History<T> {
  const [next, ...future] = history.future;
  if (!next) return history;
  return { past: [...history.past, { value: history.now, what: next.what }], now: next.value, future };
}
