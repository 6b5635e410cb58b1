/** Fields of the forms, each with its label and its hint. */
import { type ComponentProps, useId } from "react";
import { w } from "./words.tsx";

interface FieldProps extends ComponentProps<"input"> {
  readonly label: string;
  readonly hint?: string;
  readonly optional?: boolean;
}

export function Field({ label, hint, optional = false, ...input }: FieldProps) {
  const [id, hintId] = [useId(), useId()];
  return (
    <div className="field">
      <label htmlFor={id}>
        {label} {optional && <span className="quiet">{w.optional}</span>}
      </label>
      <input
        autoComplete="off"
        spellCheck={false}
        {...input}
        id={id}
        {...(hint ? { "aria-describedby": hintId } : {})}
      />
      {hint && (
        <p id={hintId} className="quiet small">
          {hint}
        </p>
      )}
    </div>
  );
}

interface CheckProps {
  /** @default "checkbox" */
  readonly type?: "checkbox" | "radio";
  readonly name?: string;
  readonly label: string;
  readonly hint: string;
  readonly checked: boolean;
  readonly onCheck: (checked: boolean) => void;
}

export function Check({ type = "checkbox", name, label, hint, checked, onCheck }: CheckProps) {
  const [id, hintId] = [useId(), useId()];
  return (
    <div className="check">
      <input
        id={id}
        type={type}
        {...(name ? { name } : {})}
        checked={checked}
        aria-describedby={hintId}
        onChange={(event) => onCheck(event.target.checked)}
      />
      <label htmlFor={id}>{label}</label>
      <p id={hintId} className="quiet small">
        {hint}
      </p>
    </div>
  );
}
