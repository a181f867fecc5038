// Colours for what is painted on canvases, taken from the style sheet so that both always agree.

export interface Palette {
  wave: string;
  waveCore: string;
  stems: Record<string, string>;
  grid: string;
  text: string;
  lane: string;
  /** 256 colours (RGBA bytes) from silence to full scale. */
  heat: Uint8ClampedArray;
}

const known = new Map<string, Palette>();

/** The palette of a theme. */
export function paletteOf(theme: "light" | "dark"): Palette {
  const before = known.get(theme);
  if (before) return before;
  document.documentElement.dataset.theme = theme;
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  const names = ["effects", "music", "dialogue", "original"];
  const stems = Object.fromEntries(names.map((name) => [name, read(`--stem-${name}`)]));
  const palette: Palette = {
    wave: read("--wave"),
    waveCore: read("--wave-core"),
    stems,
    grid: read("--line"),
    text: read("--text-2"),
    lane: read("--lane"),
    heat: heatOf(
      read("--heat")
        .split(/\s*,\s*/)
        .map(rgb),
    ),
  };
  known.set(theme, palette);
  return palette;
}

function rgb(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.replace("#", ""), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** Straight lines between evenly spaced colours. */
export function heatOf(stops: readonly (readonly [number, number, number])[]): Uint8ClampedArray {
  const heat = new Uint8ClampedArray(256 * 4);
  for (let level = 0; level < 256; level++) {
    const at = (level / 255) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(at));
    const [a, b] = [stops[low] ?? [0, 0, 0], stops[low + 1] ?? [0, 0, 0]];
    for (let i = 0; i < 3; i++)
      heat[level * 4 + i] = (a[i] as number) + ((b[i] as number) - (a[i] as number)) * (at - low);
    heat[level * 4 + 3] = 255;
  }
  return heat;
}
