import { helpOpen } from "../state/page";
import { Dialog } from "./controls";

const GROUPS: [string, [string, string][]][] = [
  [
    "Play",
    [
      ["Space", "Play, pause"],
      ["← →", "One frame back, on"],
      ["Shift ← →", "One second back, on"],
      ["Home End", "To the start, the end"],
      ["L", "Loop the clip or the selection"],
      ["M", "Mute"],
    ],
  ],
  [
    "Takes",
    [
      ["1 – 9", "Switch to a take, at the same moment"],
      ["0", "The clip’s own sound"],
      ["A", "A/B: the last two takes"],
      ["S", "Star the take"],
      ["Ctrl Enter", "Make sound"],
    ],
  ],
  [
    "Cues",
    [
      ["C", "Add a cue at the playhead"],
      ["[ ]", "Previous, next cue"],
      [", .", "Move by 10 ms"],
      ["< >", "Move by a frame"],
      ["↑ ↓", "Stronger, weaker"],
      ["Enter", "Rename"],
      ["Delete", "Delete"],
      ["Ctrl Z", "Undo"],
      ["Ctrl Shift Z", "Redo"],
    ],
  ],
  [
    "Timeline",
    [
      ["+ −", "Zoom"],
      ["F", "Show all"],
      ["Z", "Zoom to the selection"],
      ["I O", "Selection starts, ends here"],
      ["R", "Regenerate the selection"],
      ["Esc", "Let go of the selection"],
      ["Ctrl wheel", "Zoom at the pointer"],
      ["Shift drag", "Snap to frames"],
    ],
  ],
];

const close = () => {
  helpOpen.value = false;
};

export function Help() {
  if (!helpOpen.value) return null;
  return (
    <Dialog title="Keys" onClose={close}>
      <div class="shortcuts" data-testid="shortcuts">
        {GROUPS.map(([title, rows]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {rows.map(([keys, what]) => (
                <div key={keys}>
                  <dt>{keys.split(" ").map((key) => (key === "–" ? "–" : <kbd key={key}>{key}</kbd>))}</dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="dim about">
        Hits: drag left and right to move, up and down for strength. Stretches: drag their ends. Double-click adds a
        cue. <a href="/assets/LICENSES.txt">Notices</a>
      </p>
    </Dialog>
  );
}
