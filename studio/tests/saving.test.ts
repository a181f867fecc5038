import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Sheet } from "../src/api/types";

const { put, said } = vi.hoisted(() => ({ put: vi.fn(), said: vi.fn() }));
vi.mock("../src/api/client", () => {
  class ApiError extends Error {
    constructor(
      readonly code: string,
      message: string,
    ) {
      super(message);
    }
  }
  return { ApiError, api: { putCues: put } };
});
vi.mock("../src/state/toasts", () => ({ say: said }));
vi.stubGlobal("window", {
  addEventListener: () => undefined,
  setTimeout: (run: () => void, wait_ms: number) => setTimeout(run, wait_ms),
  clearTimeout: (timer: number) => clearTimeout(timer),
});
const state = await import("../src/state/cues");
const { ApiError } = await import("../src/api/client");

const SHEET: Sheet = {
  phonofilm_cue_sheet: 1,
  clip: { name: "clip.mp4", duration_s: 8, fingerprint: "9f31" },
  cues: [{ start_s: 1, end_s: 1, strength: 0.4, place: 0.3, label: "hit" }],
};

/** What the server holds. A call of `put` is answered when it is told to be, and only then holds. */
let server: number[] = [];
let waiting: { answer: () => void; refuse: (error: Error) => void }[] = [];

function move(start_s: number): void {
  const cue = state.cues.value[0];
  if (cue) state.alter(cue.id, { start_s, end_s: start_s }, "Move cue");
}

beforeEach(() => {
  vi.useFakeTimers();
  said.mockReset();
  put.mockReset();
  server = [1];
  waiting = [];
  put.mockImplementation(
    (_id: string, sheet: Sheet) =>
      new Promise<void>((resolve, reject) => {
        const answer = () => {
          server = sheet.cues.map((cue) => cue.start_s);
          resolve();
        };
        waiting.push({ answer, refuse: reject });
      }),
  );
  state.open("a", 8, SHEET, false);
});

async function answered(): Promise<void> {
  await vi.runAllTimersAsync();
  while (waiting.length > 0) {
    waiting.shift()?.answer();
    await vi.runAllTimersAsync();
  }
}

describe("saving of cues", () => {
  it("sends what was edited, once", async () => {
    move(2);
    move(3);
    await answered();
    expect([server, state.saving.value, put.mock.calls.length]).toEqual([[3], "saved", 1]);
  });

  it("sends what was undone while the edit was on its way", async () => {
    move(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(waiting.length).toBe(1);
    state.undo();
    await answered();
    expect([server, state.saving.value]).toEqual([[1], "saved"]);
  });

  it("never has two sheets on their way", async () => {
    move(2);
    await vi.advanceTimersByTimeAsync(1000);
    move(3);
    const done = state.flush();
    await vi.advanceTimersByTimeAsync(5000);
    expect(waiting.length).toBe(1);
    await answered();
    await done;
    expect([server, state.saving.value]).toEqual([[3], "saved"]);
  });

  it("says that a sheet was refused, unless it was taken back meanwhile", async () => {
    move(2);
    await vi.advanceTimersByTimeAsync(1000);
    waiting.shift()?.refuse(new ApiError("bad", "no", 422));
    await vi.runAllTimersAsync();
    expect([said.mock.calls.length, state.saving.value]).toEqual([1, "failed"]);
    move(3);
    await vi.advanceTimersByTimeAsync(1000);
    state.undo();
    state.undo();
    waiting.shift()?.refuse(new ApiError("bad", "no", 422));
    await answered();
    expect([server, said.mock.calls.length, state.saving.value]).toEqual([[1], 1, "saved"]);
  });

  it("asks a server that was away again", async () => {
    move(2);
    await vi.advanceTimersByTimeAsync(1000);
    waiting.shift()?.refuse(new ApiError("away", "gone", 0));
    await answered();
    expect([server, state.saving.value]).toEqual([[2], "saved"]);
  });
});
