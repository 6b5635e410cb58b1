/** Retrying or cancelling all messages that match the filters, with their number before it happens. */
import { useEffect, useState } from "react";
import { useAnnounce } from "../ui/announce.tsx";
import { FIRST_FOCUS, Modal } from "../ui/modal.tsx";
import { count, plural, wordsOf } from "../ui/words.ts";
import type { Address } from "./address.ts";
import { type BulkAction, type Matching, type MessageFilter, useApi } from "./api.ts";
import { filterOf } from "./filters.tsx";

export function BulkActions({ address }: { readonly address: Address }) {
  const api = useApi();
  /** The filters as they were when the dialog was opened, because "the last hour" must not move while it is open. */
  const [filter, setFilter] = useState<MessageFilter | null>(null);
  const open = (): void => {
    const now = new Date(api.now()).toISOString();
    const chosen = filterOf(address, api.now());
    setFilter({ ...chosen, until: chosen.until || now });
  };
  return (
    <>
      <button type="button" className="button" onClick={open}>
        Retry or cancel all…
      </button>
      {filter && <BulkDialog filter={filter} onClose={() => setFilter(null)} />}
    </>
  );
}

const DONE: Readonly<Record<BulkAction, string>> = { retry: "queued again", cancel: "cancelled" };

function BulkDialog({ filter, onClose }: { readonly filter: MessageFilter; readonly onClose: () => void }) {
  const api = useApi();
  const announce = useAnnounce();
  const [matching, setMatching] = useState<Matching | null>(null);
  const [progress, setProgress] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    const stop = new AbortController();
    api.matching(filter, stop.signal).then(setMatching, (failure: unknown) => {
      if (!stop.signal.aborted) setError(wordsOf(failure));
    });
    return () => stop.abort();
  }, [api, filter]);

  const run = async (action: BulkAction): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setError(null);
    let total = 0;
    try {
      for (;;) {
        const { done, remaining } = await api.applyToMatching(action, filter);
        total += done;
        setProgress(`${count(total)} of ${count(total + remaining)} ${DONE[action]}.`);
        // What a courier holds just now cannot be cancelled.
        if (remaining === 0 || done === 0) break;
      }
      announce(`${plural(total, "message")} ${DONE[action]}.`);
      setMatching(await api.matching(filter));
    } catch (failure) {
      setError(wordsOf(failure));
    }
    setBusy(false);
  };

  return (
    <Modal className="dialog" title="All messages that match the filters" onClose={onClose}>
      {matching ? (
        <ul className="bulk-counts">
          <li>{plural(matching.retry, "failed or cancelled message")} not retried yet</li>
          <li>{plural(matching.cancel, "queued message")}</li>
        </ul>
      ) : (
        !error && <p className="quiet">Counting…</p>
      )}
      <p className="quiet">
        A retry sends a new message with a new link. A cancelled message is not sent, and its link stops working.
      </p>
      {progress && <p>{progress}</p>}
      <p className="error" role="alert">
        {error}
      </p>
      <div className="dialog-actions">
        <button type="button" className={`button ${FIRST_FOCUS}`} onClick={onClose}>
          Close
        </button>
        {matching && matching.cancel > 0 && (
          <button type="button" className="button danger" aria-disabled={busy} onClick={() => void run("cancel")}>
            Cancel {plural(matching.cancel, "message")}
          </button>
        )}
        {matching && matching.retry > 0 && (
          <button type="button" className="button primary" aria-disabled={busy} onClick={() => void run("retry")}>
            Retry {plural(matching.retry, "message")}
          </button>
        )}
      </div>
    </Modal>
  );
}
