// What holds for the whole page: where we are, the theme, and lists that the server tells once.
import { computed, effect, signal } from "@preact/signals";
import { api } from "../api/client";
import type { Model, Option } from "../api/types";
import { complain } from "./toasts";

export type Place = { page: "start" } | { page: "project"; id: string };

const read = (): Place => {
  const match = /^\/p\/([\w-]+)\/?$/.exec(window.location.pathname);
  return match?.[1] ? { page: "project", id: match[1] } : { page: "start" };
};

export const place = signal<Place>(read());

window.addEventListener("popstate", () => {
  place.value = read();
});

export function go(to: Place): void {
  const path = to.page === "project" ? `/p/${to.id}` : "/";
  if (path !== window.location.pathname) window.history.pushState(null, "", path);
  place.value = to;
}

export type ThemeChoice = "system" | "light" | "dark";

const THEME_KEY = "phonofilm-theme";
const stored = (): ThemeChoice => {
  const value = window.localStorage.getItem(THEME_KEY);
  return value === "light" || value === "dark" ? value : "system";
};
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(systemDark.matches);
systemDark.addEventListener("change", (event) => {
  systemIsDark.value = event.matches;
});

export const themeChoice = signal<ThemeChoice>(stored());
export const theme = computed<"light" | "dark">(() => {
  if (themeChoice.value !== "system") return themeChoice.value;
  return systemIsDark.value ? "dark" : "light";
});

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  window.localStorage.setItem(THEME_KEY, themeChoice.value);
});

const narrowQuery = window.matchMedia("(max-width: 820px)");
export const narrow = signal(narrowQuery.matches);
narrowQuery.addEventListener("change", (event) => {
  narrow.value = event.matches;
});

export const helpOpen = signal(false);
export const models = signal<Model[]>([]);
export const options = signal<Option[]>([]);

/** Ask once for what the server can do; asked again when it comes back. */
export async function loadLists(): Promise<void> {
  try {
    [models.value, options.value] = await Promise.all([api.models(), api.options()]);
  } catch (error) {
    complain(error);
  }
}
