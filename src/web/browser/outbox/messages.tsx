/** The messages, newest first, page by page. */
import { useState } from "react";
import type { Address, Go } from "./address.ts";
import { type MessageSummary, useApi } from "./api.ts";
import { BulkActions } from "./bulk-actions.tsx";
import { filterKey, filterOf, Filters, isFiltered, NO_FILTER } from "./filters.tsx";
import { MessageTable } from "./message-table.tsx";
import { usePoll } from "../ui/use-poll.ts";
import { useSteadyRows } from "./use-steady-rows.ts";
import { count, plural, wordsOf } from "../ui/words.ts";

export function Messages({ address, go }: { readonly address: Address; readonly go: Go }) {
  return (
    <section className="panel messages" aria-labelledby="messages-title">
      <h2 id="messages-title" tabIndex={-1}>
        Messages
      </h2>
      <Filters address={address} go={go}>
        <BulkActions address={address} />
      </Filters>
      <Pages address={address} go={go} />
    </section>
  );
}

/** Where each page up to the shown one begins; the first begins at null. */
type Starts = readonly (string | null)[];
const FIRST_PAGE: Starts = [null];
const NO_ROWS: readonly MessageSummary[] = [];

function Pages({ address, go }: { readonly address: Address; readonly go: Go }) {
  const api = useApi();
  const filter = filterKey(address);
  const [turned, setTurned] = useState({ filter, starts: FIRST_PAGE });
  // Another filter begins at its first page.
  const starts = turned.filter === filter ? turned.starts : FIRST_PAGE;
  const after = starts.at(-1) ?? null;
  const wanted = `${filter} ${after}`;
  const { data, key, error, failingSince } = usePoll(
    (signal) => api.messages(filterOf(address, api.now()), after, signal),
    wanted,
  );
  const [held, setHeld] = useState(false);
  const { rows, newer, showNewer } = useSteadyRows(data?.items ?? NO_ROWS, key, held);
  const turnTo = (pages: Starts): void => {
    setTurned({ filter, starts: pages });
    document.getElementById("messages-title")?.scrollIntoView();
  };

  // What was read before stays until the answer is there, but an answer that failed is not covered up by it.
  if (failingSince !== null && key !== wanted) {
    return (
      <p className="empty error" role="alert">
        {wordsOf(error)}
      </p>
    );
  }
  if (!data) return <p className="empty">Loading messages…</p>;
  if (rows.length === 0) return <NoMessages address={address} go={go} />;
  return (
    <>
      {newer > 0 && (
        <button type="button" className="newer" onClick={showNewer}>
          {plural(newer, "newer message")}: show
        </button>
      )}
      <MessageTable rows={rows} address={address} busy={key !== wanted} onHold={setHeld} />
      <nav className="pages" aria-label="Pages of messages">
        <button
          type="button"
          className="button"
          disabled={starts.length === 1}
          onClick={() => turnTo(starts.slice(0, -1))}
        >
          Newer
        </button>
        <span className="quiet">
          Page {count(starts.length)}
          {starts.length > 1 && data.next === null && ", the last"}
        </span>
        <button
          type="button"
          className="button"
          disabled={data.next === null}
          onClick={() => key === wanted && data.next && turnTo([...starts, data.next])}
        >
          Older
        </button>
      </nav>
    </>
  );
}

const NoMessages = ({ address, go }: { readonly address: Address; readonly go: Go }) =>
  isFiltered(address) ? (
    <div className="empty">
      <p>No message matches these filters.</p>
      <button type="button" className="button" onClick={() => go(NO_FILTER)}>
        Show all messages
      </button>
    </div>
  ) : (
    <div className="empty">
      <p>
        <strong>No messages yet.</strong>
      </p>
      <p>A message appears here as soon as its request is committed.</p>
    </div>
  );
