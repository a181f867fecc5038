import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { View } from "../model/view";
import { theme } from "../state/page";
import { view } from "../state/view";
import { type Palette, paletteOf } from "./palette";

export interface Pen {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
  view: View;
  palette: Palette;
}

/** A lane's picture: as wide as the lanes, drawn anew whenever the view, the theme or what `draw` reads has changed. */
export function Canvas({ height, draw, label }: { height: number; draw: (pen: Pen) => void; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(
    () =>
      effect(() => {
        const element = canvas.current;
        const context = element?.getContext("2d");
        if (!element || !context) return;
        const now = view.value;
        const density = Math.min(3, window.devicePixelRatio || 1);
        const wide = Math.max(1, Math.round(now.width_px * density));
        const high = Math.max(1, Math.round(height * density));
        if (element.width !== wide || element.height !== high) {
          element.width = wide;
          element.height = high;
        }
        context.setTransform(density, 0, 0, density, 0, 0);
        context.clearRect(0, 0, now.width_px, height);
        draw({ context, width: now.width_px, height, view: now, palette: paletteOf(theme.value) });
      }),
    [height, draw],
  );
  return <canvas ref={canvas} role="img" aria-label={label} style={{ height: `${height}px` }} />;
}
