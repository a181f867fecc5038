/** Pixels of the lanes whose height follows the room there is. */
export interface Heights {
  strip: number;
  cues: number;
  wave: number;
  spectrum: number;
  stem: number;
}

const RULER_PX = 25;
const LEAST: Heights = { strip: 36, cues: 64, wave: 48, spectrum: 48, stem: 34 };
const MOST: Heights = { strip: 64, cues: 96, wave: 160, spectrum: 160, stem: 64 };

/** Shares a height out to the lanes; where it is too little, all get their least and the lanes scroll. */
export function share(room_px: number, stems: number, spectrum: boolean): Heights {
  const lanes = ["strip", "cues", "wave", ...(spectrum ? ["spectrum"] : [])] as (keyof Heights)[];
  const counts: [keyof Heights, number][] = [
    ...lanes.map((lane): [keyof Heights, number] => [lane, 1]),
    ["stem", stems],
  ];
  const least = counts.reduce((sum, [lane, count]) => sum + count * (LEAST[lane] + 1), RULER_PX);
  const growth = counts.reduce((sum, [lane, count]) => sum + count * (MOST[lane] - LEAST[lane]), 0);
  const part = Math.min(1, Math.max(0, (room_px - least) / Math.max(1, growth)));
  const grown = (lane: keyof Heights) => Math.floor(LEAST[lane] + part * (MOST[lane] - LEAST[lane]));
  return {
    strip: grown("strip"),
    cues: grown("cues"),
    wave: grown("wave"),
    spectrum: grown("spectrum"),
    stem: grown("stem"),
  };
}
