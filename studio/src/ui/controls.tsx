import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icons";

type ButtonProps = Omit<JSX.IntrinsicElements["button"], "label" | "icon"> & { "data-testid"?: string };

/** A square button that shows an icon; `label` is read aloud and shown as a tip. */
export function IconButton({
  icon,
  label,
  keys,
  on,
  filled,
  class: extra = "",
  ...rest
}: ButtonProps & { icon: IconName; label: string; keys?: string; on?: boolean; filled?: boolean; class?: string }) {
  const title = keys ? `${label} (${keys})` : label;
  return (
    <button
      type="button"
      class={`icon-button ${on ? "on" : ""} ${extra}`}
      aria-label={label}
      aria-pressed={on}
      title={title}
      {...rest}
    >
      <Icon name={icon} filled={filled} />
    </button>
  );
}

/** A labelled field; `hint` stands under it. */
export function Field({
  label,
  hint,
  children,
  aside,
}: {
  label: string;
  hint?: string;
  aside?: ComponentChildren;
  children: (id: string) => ComponentChildren;
}) {
  const id = useId();
  return (
    <div class="field">
      <div class="field-head">
        <label for={id}>{label}</label>
        {aside}
      </div>
      {children(id)}
      {hint && <p class="hint">{hint}</p>}
    </div>
  );
}

/** A text area that grows with what is written in it. */
export function Area({
  value,
  onText,
  ...rest
}: { value: string; onText: (text: string) => void } & Omit<JSX.IntrinsicElements["textarea"], "value"> & {
    "data-testid"?: string;
  }) {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(240, element.scrollHeight + 2)}px`;
  }, [value]);
  return <textarea ref={area} value={value} onInput={(event) => onText(event.currentTarget.value)} {...rest} />;
}

/** A number that may be typed; `null` is an empty field. Kept in range when it is left. */
export function NumberBox({
  id,
  value,
  low,
  high,
  step = 1,
  placeholder,
  label,
  onNumber,
  testid,
}: {
  id?: string;
  value: number | null;
  low: number;
  high: number;
  step?: number | "any";
  placeholder?: string;
  label?: string;
  onNumber: (value: number | null) => void;
  testid?: string;
}) {
  const read = (text: string) => {
    if (text.trim() === "") return onNumber(null);
    const number = Number(text);
    if (Number.isFinite(number)) onNumber(Math.min(high, Math.max(low, step === 1 ? Math.round(number) : number)));
  };
  return (
    <input
      id={id}
      type="number"
      inputMode={step === 1 ? "numeric" : "decimal"}
      min={low}
      max={high}
      step={step}
      value={value ?? ""}
      placeholder={placeholder}
      aria-label={label}
      data-testid={testid}
      onChange={(event) => read(event.currentTarget.value)}
    />
  );
}

/** On or off, with its words beside it. */
export function Switch({ label, on, onSwitch }: { label: string; on: boolean; onSwitch: (on: boolean) => void }) {
  return (
    <label class="switch">
      <input
        type="checkbox"
        role="switch"
        checked={on}
        aria-checked={on}
        onChange={(event) => onSwitch(event.currentTarget.checked)}
      />
      <span class="knob" aria-hidden="true" />
      <span>{label}</span>
    </label>
  );
}

/** A name that turns into a field when it is clicked, and is kept on Enter or when it is left. */
export function EditableName({
  value,
  label,
  onName,
  class: extra = "",
  testid,
}: {
  value: string;
  label: string;
  onName: (name: string) => void;
  class?: string;
  testid?: string;
}) {
  return (
    <input
      class={`name ${extra}`}
      value={value}
      aria-label={label}
      data-testid={testid}
      spellcheck={false}
      size={Math.max(4, value.length)}
      onClick={(event) => event.stopPropagation()}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") event.currentTarget.blur();
        if (event.key === "Escape") {
          event.currentTarget.value = value;
          event.currentTarget.blur();
        }
      }}
      onBlur={(event) => {
        const name = event.currentTarget.value.trim();
        if (name && name !== value) onName(name);
        else event.currentTarget.value = value;
      }}
    />
  );
}

/** A sheet above the page; Escape and a click beside it close it. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the dialog element answers Escape itself
    <dialog
      ref={dialog}
      class="dialog"
      aria-label={title}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div class="dialog-body">
        <header>
          <h2>{title}</h2>
          <IconButton icon="close" label="Close" onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}
