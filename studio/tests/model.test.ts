import { describe, expect, it } from "vitest";
import type { Sheet } from "../src/api/types";
import * as cues from "../src/model/cues";
import { begin, edited, redone, undone } from "../src/model/history";
import { clock, frameAt, snapToFrame, timecode } from "../src/model/time";
import {
  fitZoom,
  followed,
  isFitted,
  resize,
  rulerStep_s,
  settle,
  toPx,
  toTime,
  type View,
  zoomAt,
} from "../src/model/view";

const RATES_HZ = [8, 23.976, 24, 25, 29.97, 50, 59.94];
const SHEET: Sheet = {
  phonofilm_cue_sheet: 1,
  clip: { name: "clip.mp4", duration_s: 8, fingerprint: "9f31" },
  cues: [
    { start_s: 1, end_s: 4.5, strength: 0.4, place: 0.3, label: "rain" },
    { start_s: 0.52, end_s: 0.52, strength: 0.9, place: -0.2, label: "hit", muted: true, prompt: "a dog" },
  ],
};

describe("time", () => {
  it("writes clocks with carry", () => {
    expect(clock(0)).toBe("0:00.00");
    expect(clock(59.999)).toBe("1:00.00");
    expect(clock(3661.5)).toBe("61:01.50");
  });

  it.each(RATES_HZ)("finds every frame at %d a second from its own time", (rate_hz) => {
    for (let frame = 0; frame < 500; frame += 1) {
      expect(frameAt(frame / rate_hz, rate_hz)).toBe(frame);
      expect(frameAt(snapToFrame(frame / rate_hz + 0.4 / rate_hz, rate_hz), rate_hz)).toBe(frame);
    }
  });

  it("counts timecode in whole frames", () => {
    expect(timecode(3661 + 6 / 25, 25)).toBe("01:01:01:06");
    expect(timecode(1, 29.97)).toBe("00:00:00:29");
  });
});

describe("view", () => {
  const view: View = { from_s: 2, px_per_s: 200, width_px: 800, duration_s: 10 };

  it("keeps the instant under the pointer when zooming", () => {
    for (const px of [0, 133, 799]) {
      const before = toTime(view, px);
      expect(toTime(zoomAt(view, 1.7, px), px)).toBeCloseTo(before, 9);
    }
  });

  it("never leaves the clip", () => {
    for (const from_s of [-5, 0, 9, 50]) {
      const settled = settle({ ...view, from_s });
      expect(toPx(settled, 0)).toBeLessThanOrEqual(0);
      expect(toPx(settled, 10)).toBeGreaterThanOrEqual(settled.width_px - 1e-6);
    }
  });

  it("stays fitted when the lanes change width", () => {
    const fitted = settle({ ...view, px_per_s: fitZoom(view) });
    expect(isFitted(resize(fitted, 1200))).toBe(true);
    expect(isFitted(resize(view, 700))).toBe(false);
  });

  it("turns the page when the playhead has left", () => {
    expect(followed(view, 3)).toBe(view);
    const turned = followed(view, 7);
    expect(toPx(turned, 7)).toBeGreaterThanOrEqual(0);
    expect(toPx(turned, 7)).toBeLessThanOrEqual(turned.width_px);
  });

  it("has room for the names of ticks", () => {
    for (const zoom of [1, 13, 200, 4000]) expect(rulerStep_s(zoom, 60) * zoom).toBeGreaterThanOrEqual(60);
  });
});

describe("cues", () => {
  it("come back from a sheet as they were, in order of time", () => {
    const read = cues.fromSheet(SHEET);
    expect(read.map((cue) => cue.label)).toEqual(["hit", "rain"]);
    expect(cues.toSheet(SHEET, read).cues).toEqual([SHEET.cues[1], SHEET.cues[0]]);
    expect(cues.differences(read, cues.fromSheet(SHEET))).toBe(0);
  });

  it("stay inside the clip and their ranges", () => {
    const read = cues.fromSheet(SHEET);
    const rain = read[1] as cues.Cue;
    expect(cues.movedTo(rain, 7, 8)).toEqual({ start_s: 4.5, end_s: 8 });
    expect(cues.movedTo(rain, -3, 8)).toEqual({ start_s: 0, end_s: 3.5 });
    expect(cues.edgeTo(rain, "end", 0, 8).end_s).toBeGreaterThan(rain.start_s);
    expect(cues.edgeTo(rain, "start", 9, 8).start_s).toBeLessThan(rain.end_s);
    const loud = cues.changed(read, rain.id, { strength: 4, place: -9 }, 8).find((cue) => cue.id === rain.id);
    expect([loud?.strength, loud?.place]).toEqual([1, -1]);
  });

  it("are counted once each when they differ", () => {
    const read = cues.fromSheet(SHEET);
    const hit = read[0] as cues.Cue;
    expect(cues.differences(read, cues.removed(read, hit.id))).toBe(1);
    expect(cues.differences(read, cues.changed(read, hit.id, { start_s: 0.6, end_s: 0.6 }, 8))).toBe(1);
    expect(cues.differences(read, cues.added(read, cues.newCue({ start_s: 3 })))).toBe(1);
  });

  it("have neighbours that go round", () => {
    const read = cues.fromSheet(SHEET);
    const [first, last] = [read[0] as cues.Cue, read[1] as cues.Cue];
    expect(cues.neighbour(read, last.id, 1)).toBe(first);
    expect(cues.neighbour(read, null, -1)).toBe(last);
    expect(cues.neighbour([], null, 1)).toBeUndefined();
  });
});

describe("history", () => {
  it("goes back and forth, and forgets what was undone when something new is done", () => {
    const three = edited(edited(begin(1), 2, "two"), 3, "three");
    expect(undone(undone(three)).now).toBe(1);
    expect(redone(redone(undone(undone(three)))).now).toBe(3);
    expect(redone(edited(undone(three), 9, "nine")).now).toBe(9);
    expect(undone(begin(1)).now).toBe(1);
  });
});
