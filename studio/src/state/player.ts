// Which sound is heard: the take that is chosen, the stems that are not muted.
import { computed, effect, signal, untracked } from "@preact/signals";
import type { Project, Take } from "../api/types";
import { keepOnly, sounds, want } from "../sound/library";
import { Transport } from "../sound/transport";

export const transport = new Transport();

/** The clip's own sound stands beside the takes under this name. */
export const ORIGINAL = "original";
/** Decoded takes that run side by side: 30 minutes of stereo are about 600 MB. */
const MOST_DECODED_S = 1800;

export const project = signal<Project | null>(null);
export const hidden = signal<ReadonlySet<string>>(new Set());
export const takes = computed(() => (project.value?.takes ?? []).filter((take) => !hidden.value.has(take.id)));
export const chosenId = signal<string | null>(null);
/** The one chosen before, for A/B. */
export const otherId = signal<string | null>(null);
export const chosen = computed<Take | null>(() => takes.value.find((take) => take.id === chosenId.value) ?? null);
export const originalUrl = computed(() =>
  project.value?.clip.has_sound ? `/api/v1/projects/${project.value.id}/sound` : null,
);
export const mutedStems = signal<ReadonlySet<string>>(new Set());
export const soloStems = signal<ReadonlySet<string>>(new Set());

/** The address of the sound that the big waveform shows. */
export const shownUrl = computed(() => {
  if (chosenId.value === ORIGINAL) return originalUrl.value;
  return chosen.value?.sound_url ?? null;
});

export function isHeard(stem: string): boolean {
  return soloStems.value.size > 0 ? soloStems.value.has(stem) : !mutedStems.value.has(stem);
}

const levels = computed<ReadonlyMap<string, number>>(() => {
  const take = chosen.value;
  if (!take) return new Map(shownUrl.value ? [[shownUrl.value, 1]] : []);
  // The mix as it will be delivered, unless somebody listens into it.
  const whole = take.stems.every((stem) => isHeard(stem.name));
  if (whole || take.stems.length === 0) return new Map([[take.sound_url, 1]]);
  return new Map(take.stems.filter((stem) => isHeard(stem.name)).map((stem) => [stem.url, 1]));
});

export function choose(id: string): void {
  if (id === chosenId.peek()) return;
  otherId.value = chosenId.peek();
  chosenId.value = id;
}

/** What A/B would switch to: the one chosen before, else the first other one. */
export const partner = computed<string | null>(() => {
  const before = otherId.value;
  const known = [...takes.value.map((take) => take.id), ...(originalUrl.value ? [ORIGINAL] : [])];
  if (before && known.includes(before)) return before;
  return known.find((id) => id !== chosenId.value) ?? null;
});

/** Back and forth between the last two that were chosen. */
export function swap(): void {
  if (partner.peek()) choose(partner.peek() as string);
}

/** Load what the takes need: stems of the chosen one, mixes of as many as there is room for, newest first. */
effect(() => {
  const length_s = Math.max(project.value?.duration_s ?? 0, 1);
  const first = shownUrl.value;
  const stems = chosen.value?.stems.map((stem) => stem.url) ?? [];
  const room = Math.max(1, Math.floor(MOST_DECODED_S / length_s) - stems.length);
  const mixes = [...takes.value].reverse().map((take) => take.sound_url);
  const others = [...mixes, ...(originalUrl.value ? [originalUrl.value] : [])].slice(0, room);
  const all = new Set([...(first ? [first] : []), ...stems, ...others]);
  untracked(() => {
    keepOnly(all);
    for (const url of all) want(url, !stems.includes(url));
  });
});

effect(() => {
  const ready = [...sounds.value].flatMap(([url, sound]) => (sound.buffer ? [[url, sound.buffer] as const] : []));
  transport.setSounds(new Map(ready));
});

effect(() => transport.setLevels(levels.value));
