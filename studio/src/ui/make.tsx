import { useSignal } from "@preact/signals";
import type { Option } from "../api/types";
import { isEdited } from "../state/cues";
import { models, options } from "../state/page";
import { makeSound, nextSeed, online, starting } from "../state/project";
import { change, settings } from "../state/settings";
import { Area, Field, IconButton, NumberBox, Switch } from "./controls";
import { Icon } from "./icons";
import { JobList } from "./jobs";

/** Options with a place of their own in the panel; all others are listed under “More options”. */
const PLACED: ReadonlySet<string> = new Set(["prompt", "negative", "takes", "seed", "loudness", "music"]);

const option = (name: string): Option | undefined => options.value.find((one) => one.name === name);

export function MakePanel() {
  const now = settings.value;
  return (
    <section class="make" aria-label="Make sound">
      <div class="make-scroll">
        <Words />
        <div class="columns">
          <Field label="Takes">
            {(id) => (
              <NumberBox
                id={id}
                value={now.takes}
                low={1}
                high={option("takes")?.high ?? 64}
                onNumber={(takes) => change({ takes: takes ?? 1 })}
                testid="takes-count"
              />
            )}
          </Field>
          <Field label="Seed">
            {(id) => (
              <div class="with-button">
                <NumberBox
                  id={id}
                  value={now.seed}
                  low={0}
                  high={2 ** 31 - 1}
                  placeholder={`next: ${nextSeed.value}`}
                  onNumber={(seed) => change({ seed })}
                  testid="seed"
                />
                <IconButton
                  icon="dice"
                  label="Draw a seed"
                  onClick={() => change({ seed: Math.floor(Math.random() * 100000) })}
                />
              </div>
            )}
          </Field>
        </div>
        <div class="columns">
          <Loudness />
          <ModelChoice />
        </div>
        <ModelNote />
        <Dialogue />
        <Further />
      </div>
      <div class="make-foot">
        <JobList />
        {isEdited.value && (
          <Switch label="Follow my edited cues" on={now.use_cues} onSwitch={(use_cues) => change({ use_cues })} />
        )}
        <button
          type="button"
          class="button primary wide make-button"
          disabled={starting.value || !online.value || !modelReady()}
          onClick={() => void makeSound()}
          title="Ctrl+Enter"
          data-testid="make"
        >
          {now.takes > 1 ? `Make ${now.takes} takes` : "Make sound"}
        </button>
      </div>
    </section>
  );
}

function Words() {
  const now = settings.value;
  return (
    <>
      <Field label="What should be heard">
        {(id) => (
          <Area
            id={id}
            rows={3}
            value={now.prompt}
            onText={(prompt) => change({ prompt })}
            placeholder="Footsteps on gravel, wind in trees. Leave empty to follow the picture alone."
            maxLength={1000}
            data-testid="prompt"
          />
        )}
      </Field>
      <Field label="What should not">
        {(id) => (
          <input
            id={id}
            value={now.negative}
            placeholder="voices, music"
            maxLength={1000}
            onInput={(event) => change({ negative: event.currentTarget.value })}
            data-testid="negative"
          />
        )}
      </Field>
      <Field label="Music">
        {(id) => (
          <input
            id={id}
            value={now.music}
            placeholder="slow piano; “none” forbids it"
            onInput={(event) => change({ music: event.currentTarget.value })}
            data-testid="music"
          />
        )}
      </Field>
    </>
  );
}

const LOUDNESS: Record<string, string> = {
  web: "Web (−16)",
  "ebu-r128": "EBU R 128 (−23)",
  cinema: "Cinema (−27)",
  none: "As it comes",
};

function Loudness() {
  const now = settings.value.loudness;
  const own = !(now in LOUDNESS);
  return (
    <Field label="Loudness, LUFS">
      {(id) =>
        own ? (
          <div class="with-button">
            <NumberBox
              id={id}
              value={Number(now)}
              low={-60}
              high={-6}
              step="any"
              onNumber={(value) => change({ loudness: value === null ? "web" : String(value) })}
            />
            <IconButton icon="close" label="Back to the list" onClick={() => change({ loudness: "web" })} />
          </div>
        ) : (
          <select
            id={id}
            value={now}
            data-testid="loudness"
            onChange={(event) =>
              change({ loudness: event.currentTarget.value === "own" ? "-20" : event.currentTarget.value })
            }
          >
            {Object.entries(LOUDNESS).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
            <option value="own">Own value…</option>
          </select>
        )
      }
    </Field>
  );
}

const chosenModel = () => models.value.find((model) => model.name === settings.value.model);
const modelReady = (): boolean => chosenModel()?.ready ?? true;

function ModelChoice() {
  return (
    <Field label="Model">
      {(id) => (
        <select
          id={id}
          value={settings.value.model}
          data-testid="model"
          onChange={(event) => change({ model: event.currentTarget.value })}
        >
          {models.value.map((model) => (
            <option key={model.name} value={model.name}>
              {model.name}
              {model.ready ? "" : " (not here yet)"}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function ModelNote() {
  const model = chosenModel();
  if (!model || model.ready) return null;
  return (
    <p class="note">
      <Icon name="warning" />
      <span>
        {model.summary} {model.hint ? <>To use it: {model.hint}</> : "It is not on this computer."}
      </span>
    </p>
  );
}

function Dialogue() {
  const now = settings.value;
  const open = useSignal(now.dialogue !== "");
  return (
    <details
      class="fold"
      open={open.value}
      onToggle={(event) => {
        open.value = event.currentTarget.open;
      }}
    >
      <summary>
        <Icon name="right" />
        Dialogue
        {now.dialogue && <span class="count">{now.dialogue.trim().split(/\n\s*\n|\n/).length}</span>}
      </summary>
      <Field
        label="Transcript"
        hint="Plain lines as “ANNA: It is late.”, or SRT with times. Spoken in time with the mouths."
      >
        {(id) => (
          <Area
            id={id}
            rows={4}
            value={now.dialogue}
            onText={(dialogue) => change({ dialogue })}
            placeholder={"ANNA: It is late.\nBEN: Then let us go."}
            data-testid="dialogue"
          />
        )}
      </Field>
    </details>
  );
}

function Further() {
  const listed = options.value.filter((one) => !PLACED.has(one.name));
  const changed = listed.filter((one) => one.name in settings.value.options);
  if (listed.length === 0) return null;
  return (
    <details class="fold" data-testid="more-options">
      <summary>
        <Icon name="right" />
        More options
        {changed.length > 0 && <span class="count">{changed.length}</span>}
      </summary>
      {listed.map((one) => (
        <OptionField key={one.name} option={one} />
      ))}
      {changed.length > 0 && (
        <button type="button" class="text-button" onClick={() => change({ options: {} })}>
          Back to the defaults
        </button>
      )}
    </details>
  );
}

const nameOf = (name: string): string => {
  const words = name.replace(/_db$/, " (dB)").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

function OptionField({ option: one }: { option: Option }) {
  const held = settings.value.options[one.name];
  const value = held ?? one.default;
  const set = (next: unknown) => {
    const rest = { ...settings.peek().options };
    if (next === one.default || next === null) delete rest[one.name];
    else rest[one.name] = next;
    change({ options: rest });
  };
  if (one.kind === "switch") {
    return (
      <div class="field">
        <Switch label={nameOf(one.name)} on={Boolean(value)} onSwitch={set} />
        <p class="hint">{one.help}</p>
      </div>
    );
  }
  return (
    <Field label={nameOf(one.name)} hint={one.help}>
      {(id) =>
        one.kind === "text" ? (
          <input id={id} value={String(value)} onChange={(event) => set(event.currentTarget.value)} />
        ) : (
          <NumberBox
            id={id}
            value={Number(value)}
            low={one.low ?? Number.NEGATIVE_INFINITY}
            high={one.high ?? Number.POSITIVE_INFINITY}
            step={one.kind === "integer" ? 1 : "any"}
            onNumber={set}
          />
        )
      }
    </Field>
  );
}
