/** The letters, newest first, page by page. */
import { useState } from "react";
import type { Address, Go } from "./address.ts";
import { type MessageSummary, useApi } from "./api.ts";
import { filterKey, filterOf, Filters, isFiltered } from "./filters.tsx";
import { MessageTable } from "./message-table.tsx";
import { usePoll } from "./use-poll.ts";
import { count, plural, wordsOf } from "./words.ts";

export function Messages({ address, go }: { readonly address: Address; readonly go: Go }) {
  return (
    <section className="panel messages" aria-labelledby="messages-title">
      <h2 id="messages-title" tabIndex={-1}>
        Letters
      </h2>
      <Filters address={address} go={go} />
      {/* Another filter begins at its first page. */}
      <Pages key={filterKey(address)} address={address} go={go} />
    </section>
  );
}

function Pages({ address, go }: { readonly address: Address; readonly go: Go }) {
  const api = useApi();
  /** Where each page up to this one begins; the first begins at null. */
  const [starts, setStarts] = useState<readonly (string | null)[]>([null]);
  const after = starts.at(-1) ?? null;
  const { data, key, error, failingSince } = usePoll(
    (signal) => api.messages(filterOf(address, api.now()), after, signal),
    after ?? "first",
  );
  const [held, setHeld] = useState(false);
  const { rows, newer, showNewer } = useSteadyRows(data?.items ?? [], `${key}`, held);

  if (!data && failingSince !== null) {
    return (
      <p className="empty error" role="alert">
        {wordsOf(error)}
      </p>
    );
  }
  if (!data) return <p className="empty">Reading the letters…</p>;
  if (rows.length === 0) return <NoLetters address={address} go={go} />;
  return (
    <>
      {newer > 0 && (
        <button type="button" className="newer" onClick={showNewer}>
          {plural(newer, "newer letter")}: show
        </button>
      )}
      <MessageTable rows={rows} address={address} busy={key !== (after ?? "first")} onHold={setHeld} />
      <nav className="pages" aria-label="Pages of letters">
        <button
          type="button"
          className="button"
          disabled={starts.length === 1}
          onClick={() => setStarts(starts.slice(0, -1))}
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
          onClick={() => data.next && setStarts([...starts, data.next])}
        >
          Older
        </button>
      </nav>
    </>
  );
}

/**
 * Rows that do not move away under the pointer or the focus: while they are held, what is shown changes in place and
 * what is newer is only counted.
 * @param page another page is shown as it is.
 */
function useSteadyRows(items: readonly MessageSummary[], page: string, held: boolean) {
  const [shown, setShown] = useState({ page, items, rows: items });
  let { rows } = shown;
  if (shown.items !== items || shown.page !== page) {
    const byId = new Map(items.map((item) => [item.id, item]));
    rows = held && shown.page === page ? shown.rows.map((row) => byId.get(row.id) ?? row) : items;
    // While rendering, as React has it for state that follows a prop: no frame shows the old rows.
    setShown({ page, items, rows });
  }
  const top = rows[0]?.id ?? "";
  const newer = items.filter((item) => item.id > top).length;
  return { rows, newer: held ? newer : 0, showNewer: () => setShown({ page, items, rows: items }) };
}

const NoLetters = ({ address, go }: { readonly address: Address; readonly go: Go }) =>
  isFiltered(address) ? (
    <div className="empty">
      <p>No letter matches these filters.</p>
      <button
        type="button"
        className="button"
        onClick={() => go({ state: "", reason: "", kind: "", recipient: "", time: "", since: "", until: "" })}
      >
        Show all letters
      </button>
    </div>
  ) : (
    <div className="empty">
      <p>
        <strong>No letter yet.</strong>
      </p>
      <p>Every letter stands here from the moment its request is committed, with how it went.</p>
    </div>
  );
