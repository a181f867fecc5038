import { go, helpOpen, narrow, place, type ThemeChoice, themeChoice } from "../state/page";
import { project } from "../state/player";
import { online, renameProject, working } from "../state/project";
import { EditableName, IconButton } from "./controls";
import { Icon, type IconName } from "./icons";

const NEXT: Record<ThemeChoice, ThemeChoice> = { system: "light", light: "dark", dark: "system" };
const THEME_ICON: Record<ThemeChoice, IconName> = { system: "system", light: "sun", dark: "moon" };
const THEME_WORDS: Record<ThemeChoice, string> = { system: "as the system", light: "light", dark: "dark" };

export function Mark() {
  return (
    <svg
      class="logo"
      viewBox="0 0 20 20"
      aria-hidden="true"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
    >
      <path d="M3 8v4M7 5v10M11 2.500v15M15 6.500v7M18.500 9v2" />
    </svg>
  );
}

export function TopBar() {
  const open = project.value;
  const atStart = place.value.page === "start";
  const clip = open?.clip;
  return (
    <header class="top-bar">
      <button type="button" class="home" onClick={() => go({ page: "start" })} title="All projects" data-testid="home">
        <Mark />
        <span class={atStart ? "" : "hide-narrow"}>Phonofilm</span>
      </button>
      {open && clip && (
        <>
          <span class="slash" aria-hidden="true">
            /
          </span>
          <EditableName
            value={open.name}
            label="Name of the project"
            class="project-name"
            onName={(name) => void renameProject(name)}
            testid="project-name"
          />
          <span class="clip-facts dim hide-narrow">
            {clip.width}×{clip.height} · {Number(clip.frame_rate_hz.toFixed(3))} fps · {clip.duration_s.toFixed(2)} s
          </span>
        </>
      )}
      <span class="spring" />
      {!online.value && open && (
        <span class="away" role="alert" data-testid="away">
          <Icon name="warning" />
          {narrow.value ? "Server away" : "The server is away. Start “phonofilm studio” again; this page reconnects."}
        </span>
      )}
      {online.value && working.value.length > 0 && <span class="pulse" title="Working" />}
      <IconButton
        icon={THEME_ICON[themeChoice.value]}
        label={`Theme: ${THEME_WORDS[themeChoice.value]}. Change`}
        onClick={() => {
          themeChoice.value = NEXT[themeChoice.peek()];
        }}
        data-testid="theme"
      />
      <IconButton
        icon="help"
        label="Keys"
        keys="?"
        onClick={() => {
          helpOpen.value = true;
        }}
        data-testid="help"
      />
    </header>
  );
}
