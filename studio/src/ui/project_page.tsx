import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { clamp } from "../model/time";
import { go, narrow } from "../state/page";
import { project, takes } from "../state/player";
import { closeProject, loadError, openProject, working } from "../state/project";
import { Timeline } from "../timeline/timeline";
import { Icon } from "./icons";
import { MakePanel } from "./make";
import { Stage, Transport } from "./stage";
import { Takes } from "./takes";

export function ProjectPage({ id }: { id: string }) {
  useEffect(() => {
    void openProject(id);
    return closeProject;
  }, [id]);
  const open = project.value;
  useEffect(() => {
    document.title = open ? `${open.name} – Phonofilm studio` : "Phonofilm studio";
  }, [open?.name]);
  if (loadError.value) return <Lost message={loadError.value} id={id} />;
  if (!open) return <main class="loading" aria-busy="true" />;
  return narrow.value ? <Narrow /> : <Wide />;
}

function Lost({ message, id }: { message: string; id: string }) {
  return (
    <main class="lost">
      <Icon name="warning" />
      <h1>This project cannot be opened</h1>
      <p>{message}</p>
      <div class="lost-buttons">
        <button type="button" class="button" onClick={() => void openProject(id)}>
          Try again
        </button>
        <button type="button" class="button primary" onClick={() => go({ page: "start" })}>
          All projects
        </button>
      </div>
    </main>
  );
}

const SPLIT_KEY = "phonofilm-split";

function Wide() {
  const split = useSignal(Number(window.localStorage.getItem(SPLIT_KEY)) || 0);
  const style = split.value ? { "--timeline": `${split.value}px` } : {};
  return (
    <main class="desk" style={style}>
      <div class="upper">
        <div class="picture">
          <Stage />
          <Transport />
        </div>
        <Takes />
      </div>
      <Splitter
        onHeight={(px) => {
          split.value = px;
          window.localStorage.setItem(SPLIT_KEY, String(px));
        }}
      />
      <Timeline />
      <MakePanel />
    </main>
  );
}

/** The line between picture and timeline: drag it, or use the arrow keys on it. */
function Splitter({ onHeight }: { onHeight: (px: number) => void }) {
  const bar = useRef<HTMLDivElement>(null);
  const height = () => bar.current?.nextElementSibling?.clientHeight ?? 300;
  const set = (px: number) => onHeight(Math.round(clamp(px, 180, window.innerHeight - 260)));
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule cannot be dragged
    <div
      ref={bar}
      class="splitter"
      role="separator"
      aria-orientation="horizontal"
      aria-label="Height of the timeline"
      aria-valuenow={height()}
      tabIndex={0}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) set(height() - event.movementY);
      }}
      onKeyDown={(event) => {
        const step = event.key === "ArrowUp" ? 16 : event.key === "ArrowDown" ? -16 : 0;
        if (!step) return;
        event.preventDefault();
        event.stopPropagation();
        set(height() + step);
      }}
    />
  );
}

type Tab = "make" | "takes";

function Narrow() {
  const tab = useSignal<Tab>(takes.peek().length > 0 ? "takes" : "make");
  const button = (name: Tab, text: string) => (
    <button
      type="button"
      role="tab"
      id={`tab-${name}`}
      aria-selected={tab.value === name}
      aria-controls="tab-panel"
      onClick={() => {
        tab.value = name;
      }}
      data-testid={`tab-${name}`}
    >
      {text}
    </button>
  );
  return (
    <main class="phone">
      <div class="pinned">
        <Stage />
        <Transport />
      </div>
      <Timeline />
      <div class="tabs" role="tablist" aria-label="Panels">
        {button("make", working.value.length > 0 ? "Make sound …" : "Make sound")}
        {button("takes", `Takes${takes.value.length ? ` (${takes.value.length})` : ""}`)}
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab.value}`}>
        {tab.value === "make" ? <MakePanel /> : <Takes />}
      </div>
    </main>
  );
}
