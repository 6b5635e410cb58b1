import { type ReactNode, type SubmitEvent, useId, useState } from "react";
import { KINDS } from "../../../mail/kinds.ts";
import type { Address, Go } from "./address.ts";
import { MESSAGE_STATES } from "../../../db/states.ts";
import type { MessageFilter } from "./api.ts";
import { Icon } from "../ui/icons.tsx";
import { capital, spaced } from "../ui/words.ts";

const KIND_NAMES = Object.keys(KINDS);

/** How far back, in minutes. */
const SPANS: Readonly<Record<string, { readonly label: string; readonly minutes: number }>> = {
  "15m": { label: "Last 15 minutes", minutes: 15 },
  "1h": { label: "Last hour", minutes: 60 },
  "24h": { label: "Last 24 hours", minutes: 24 * 60 },
  "7d": { label: "Last 7 days", minutes: 7 * 24 * 60 },
};

/** @param now of the server, in milliseconds. */
export function filterOf(address: Address, now: number): MessageFilter {
  const { state, reason, kind, search, time } = address;
  const span = SPANS[time];
  const custom = time === "custom";
  return {
    state,
    reason,
    kind,
    search,
    since: span ? new Date(now - span.minutes * 60_000).toISOString() : custom ? isoOf(address.since) : "",
    until: custom ? isoOf(address.until) : "",
  };
}

/** What the filter depends on, without the clock. */
export const filterKey = (address: Address): string => JSON.stringify({ ...address, message: "" });

export const isFiltered = (address: Address): boolean =>
  Object.entries(address).some(([name, value]) => name !== "message" && value !== "");

/** Converts the local time of a `datetime-local` field to ISO 8601 in UTC; an incomplete time gives "". */
function isoOf(local: string): string {
  const at = new Date(local);
  return Number.isNaN(at.valueOf()) ? "" : at.toISOString();
}

interface FiltersProps {
  readonly address: Address;
  readonly go: Go;
  /** What can be done to the messages that match; shown when a filter is set. */
  readonly children: ReactNode;
}

export function Filters({ address, go, children }: FiltersProps) {
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const search = new FormData(event.currentTarget).get("search");
    go({ search: typeof search === "string" ? search.trim() : "" });
  };
  return (
    <search>
      <form className="filters" onSubmit={submit}>
        <Choice
          label="State"
          value={address.state}
          any="Any state"
          options={MESSAGE_STATES.map((state) => [state, capital(state)])}
          onChange={(state) => go({ state, reason: "" })}
        />
        <Choice
          label="Kind"
          value={address.kind}
          any="Any kind"
          options={KIND_NAMES.map((kind) => [kind, capital(spaced(kind))])}
          onChange={(kind) => go({ kind })}
        />
        <Choice
          label="Accepted"
          value={address.time}
          any="Any time"
          options={[
            ...Object.entries(SPANS).map(([name, { label }]): Option => [name, label]),
            ["custom", "From … to …"],
          ]}
          onChange={(time) => go({ time, since: "", until: "" })}
        />
        {address.time === "custom" && (
          <>
            <Moment label="From" value={address.since} onChange={(since) => go({ since })} />
            <Moment label="To" value={address.until} onChange={(until) => go({ until })} />
          </>
        )}
        <Search value={address.search} onLeave={(search) => go({ search })} />
        {address.reason && (
          <button type="button" className="button chip" onClick={() => go({ reason: "" })}>
            <span className="unseen">Remove the filter for the reason</span> {spaced(address.reason)}
            <Icon name="close" />
          </button>
        )}
        {isFiltered(address) && (
          <>
            {children}
            <button type="button" className="button quiet" onClick={() => go(NO_FILTER)}>
              Clear filters
            </button>
          </>
        )}
      </form>
    </search>
  );
}

export const NO_FILTER = { state: "", reason: "", kind: "", search: "", time: "", since: "", until: "" };

type Option = readonly [value: string, label: string];

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  /** What the empty choice says. */
  readonly any: string;
  readonly options: readonly Option[];
  readonly onChange: (value: string) => void;
}

function Choice({ label, value, any, options, onChange }: ChoiceProps) {
  const id = useId();
  return (
    <div className="filter">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} data-set={value !== ""} onChange={(event) => onChange(event.target.value)}>
        <option value="">{any}</option>
        {options.map(([name, words]) => (
          <option key={name} value={name}>
            {words}
          </option>
        ))}
      </select>
    </div>
  );
}

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function Moment({ label, value, onChange }: FieldProps) {
  const id = useId();
  return (
    <div className="filter">
      <label htmlFor={id}>{label}</label>
      <input id={id} type="datetime-local" value={value} onChange={(event) => onChange(event.target.value)} />
    </div>
  );
}

/** A search reads many messages, so it starts when Enter is pressed or the field is left, not at each key. */
function Search({ value, onLeave }: { readonly value: string; readonly onLeave: (value: string) => void }) {
  const id = useId();
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  // Set from elsewhere: by Back, for example.
  if (known !== value) {
    setKnown(value);
    setTyped(value);
  }
  return (
    <div className="filter wide">
      <label htmlFor={id}>Recipient</label>
      <input
        id={id}
        name="search"
        type="search"
        placeholder="Part of an address or name"
        maxLength={320}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={typed}
        data-set={value !== ""}
        onChange={(event) => {
          setTyped(event.target.value);
          if (event.target.value === "") onLeave("");
        }}
        onBlur={() => onLeave(typed.trim())}
      />
    </div>
  );
}
