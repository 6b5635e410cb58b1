import type { Ref } from "react";
import { InboxMark } from "../ui/icons.tsx";
import { SiteNav } from "../ui/site-nav.tsx";
import type { Mailbox } from "./use-mailbox.ts";

const CONNECTION_NAMES = { connecting: "Connecting", live: "Live", lost: "Reconnecting" } as const;

interface BarProps {
  readonly connection: Mailbox["connection"];
  readonly field: Ref<HTMLInputElement>;
  readonly search: string;
  readonly onSearch: (search: string) => void;
  /** Whether there is anything to delete. */
  readonly clearable: boolean;
  readonly onClear: () => void;
}

export const Bar = ({ connection, field, search, onSearch, clearable, onClear }: BarProps) => (
  <header className="bar">
    <InboxMark />
    <div className="title">
      <h1>Development inbox</h1>
      <p className="quiet">Emails are kept in memory and never leave this server.</p>
    </div>
    <SiteNav current="inbox" />
    <p className="connection" role="status" data-state={connection}>
      {CONNECTION_NAMES[connection]}
    </p>
    <search className="search">
      <label className="unseen" htmlFor="search">
        Search emails
      </label>
      <input
        ref={field}
        id="search"
        type="search"
        placeholder="Search"
        autoComplete="off"
        spellCheck={false}
        value={search}
        onChange={(event) => onSearch(event.target.value)}
      />
      <kbd aria-hidden="true">/</kbd>
    </search>
    <button type="button" className="button" disabled={!clearable} onClick={onClear}>
      Clear
    </button>
  </header>
);
