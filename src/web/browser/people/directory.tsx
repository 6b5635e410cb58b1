/** The accounts: found by name or address, page by page, and one of them open. */
import { useState } from "react";
import { Announcer } from "../ui/announce.tsx";
import type { ListPage } from "../ui/client.ts";
import { PeopleMark } from "../ui/icons.tsx";
import { SiteNav } from "../ui/site-nav.tsx";
import { usePoll } from "../ui/use-poll.ts";
import { AddPerson } from "./add-person.tsx";
import { type Address, type Go, isFiltered, NO_FILTER, useAddress } from "./address.ts";
import { type Person as Account, useApi } from "./api.ts";
import { Filters } from "./filters.tsx";
import { ImportFile } from "./import-file.tsx";
import { PeopleTable } from "./people-table.tsx";
import { Person } from "./person.tsx";
import { AddressEmails } from "./person-emails.tsx";
import { w, wordsOf } from "./words.tsx";

interface DirectoryProps {
  readonly username: string;
  readonly first: ListPage<Account>;
  readonly onSignOut: () => void;
}

export const Directory = (props: DirectoryProps) => (
  <Announcer>
    <Accounts {...props} />
  </Announcer>
);

function Accounts({ username, first, onSignOut }: DirectoryProps) {
  const [address, go] = useAddress();
  const [dialog, setDialog] = useState<"add" | "import" | null>(null);
  return (
    <>
      <header className="bar">
        <PeopleMark />
        <h1>{w.title}</h1>
        <SiteNav current="people" />
        <div className="bar-actions">
          <button type="button" className="button" onClick={() => setDialog("import")}>
            {w.importFile}
          </button>
          <button type="button" className="button primary" onClick={() => setDialog("add")}>
            {w.add}
          </button>
        </div>
        <div className="who">
          <span className="who-name" title={w.signedInAs(username)}>
            {username}
          </span>
          <button type="button" className="button quiet" onClick={onSignOut}>
            {w.signOut}
          </button>
        </div>
      </header>
      <main className="board">
        <section className="panel messages" aria-labelledby="accounts-title">
          <h2 id="accounts-title" tabIndex={-1}>
            {w.listTitle}
          </h2>
          <Filters address={address} go={go} />
          <Pages address={address} go={go} first={first} />
        </section>
      </main>
      {address.person && (
        <Person
          // Each account starts with fresh state.
          key={address.person}
          username={address.person}
          me={username}
          onClose={() => go({ person: "" })}
        />
      )}
      {dialog === "add" && <AddPerson onAdded={(person) => go({ person })} onClose={() => setDialog(null)} />}
      {dialog === "import" && <ImportFile onClose={() => setDialog(null)} />}
    </>
  );
}

/** A whole address, as far as it matters here. */
const ADDRESS = /^[^@\s]+@[^@\s]+\.[^@\s]+$/;

/** Where each page up to the shown one begins; the first begins at null. */
type Starts = readonly (string | null)[];
const FIRST_START: Starts = [null];

interface PagesProps {
  readonly address: Address;
  readonly go: Go;
  /** What was read at the login: all accounts, from the first. */
  readonly first: ListPage<Account>;
}

function Pages({ address, go, first }: PagesProps) {
  const api = useApi();
  const { search, state, dept } = address;
  const filter = JSON.stringify([search, state, dept]);
  const [turned, setTurned] = useState({ filter, starts: FIRST_START });
  // Another filter begins at its first page.
  const starts = turned.filter === filter ? turned.starts : FIRST_START;
  const after = starts.at(-1) ?? null;
  const wanted = `${filter} ${after}`;
  const read = (signal: AbortSignal) => api.people({ search, state, dept }, after, signal);
  const { data, key, error, failingSince } = usePoll(read, wanted, isFiltered(address) ? null : first);
  const turnTo = (pages: Starts): void => {
    setTurned({ filter, starts: pages });
    document.getElementById("accounts-title")?.scrollIntoView();
  };

  // What was read before stays until the answer is there, but an answer that failed is not covered up by it.
  if (failingSince !== null && key !== wanted) {
    return (
      <p className="empty error" role="alert">
        {wordsOf(error)}
      </p>
    );
  }
  if (!data) return <p className="empty">{w.loading}</p>;
  if (data.items.length === 0) {
    return (
      <div className="empty">
        <p role="status">{w.noMatch}</p>
        {ADDRESS.test(search) && <AddressEmails address={search} />}
        {isFiltered(address) && (
          <button type="button" className="button" onClick={() => go(NO_FILTER)}>
            {w.clear}
          </button>
        )}
      </div>
    );
  }
  return (
    <>
      <PeopleTable people={data.items} address={address} busy={key !== wanted} />
      <nav className="pages" aria-label={w.pages}>
        <button
          type="button"
          className="button"
          disabled={starts.length === 1}
          onClick={() => turnTo(starts.slice(0, -1))}
        >
          {w.previous}
        </button>
        <span className="quiet">{w.page(starts.length, starts.length > 1 && data.next === null)}</span>
        <button
          type="button"
          className="button"
          disabled={data.next === null}
          onClick={() => key === wanted && data.next && turnTo([...starts, data.next])}
        >
          {w.next}
        </button>
      </nav>
      {failingSince !== null && (
        <p className="error" role="alert">
          {wordsOf(error)}
        </p>
      )}
    </>
  );
}
