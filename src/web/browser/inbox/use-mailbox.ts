import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react";
import type { InboxSummary } from "../../../mail/inbox/shapes.ts";
import { useAnnounce } from "../ui/announce.tsx";
import { followArrivals, listEmails } from "./api.ts";

const SEARCH_AFTER_MILLISECONDS = 150;

export interface Mailbox {
  readonly connection: "connecting" | "live" | "lost";
  /** Newest first; null before the first answer. */
  readonly emails: readonly InboxSummary[] | null;
  /** The search that `emails` answers; behind the field for as long as the answer is on its way. */
  readonly found: string;
  /** Reads the list again, with another search or the same. */
  readonly load: (search: string) => Promise<void>;
  /** Takes an email out of the list. */
  readonly drop: (id: string) => void;
}

/** The list of emails: what matches the search, with arrivals as they come. */
export function useMailbox(search: string): Mailbox {
  const announce = useAnnounce();
  const [connection, setConnection] = useState<Mailbox["connection"]>("connecting");
  const [{ emails, found }, setList] = useState<Pick<Mailbox, "emails" | "found">>({ emails: null, found: "" });
  /** Set while a list is on its way; a newer request ends an older one. */
  const loading = useRef<AbortController | null>(null);

  const load = useCallback(async (words: string): Promise<void> => {
    loading.current?.abort();
    const own = new AbortController();
    loading.current = own;
    try {
      const list = await listEmails(words, own.signal);
      setList({ emails: list, found: words });
    } catch (error) {
      // Ended by a newer request, or the server is gone; the event stream reports that and connects again.
      if (!own.signal.aborted && !(error instanceof TypeError)) throw error;
    } finally {
      if (loading.current === own) loading.current = null;
    }
  }, []);

  const onOpen = useEffectEvent(() => {
    setConnection("live");
    void load(search);
  });
  const onArrived = useEffectEvent((email: InboxSummary) => {
    announce(`New email for ${email.envelope.to.join(", ")}: ${email.subject}`);
    // A list that is on its way may have been read before this email came.
    if (search !== "" || loading.current) void load(search);
    else setList((list) => ({ ...list, emails: [email, ...without(list.emails, email.id)] }));
  });
  useEffect(
    () =>
      followArrivals({
        onOpen: () => onOpen(),
        onArrived: (email) => onArrived(email),
        onLost: () => setConnection("lost"),
      }),
    [],
  );

  const searched = useRef(search);
  useEffect(() => {
    if (searched.current === search) return;
    searched.current = search;
    const timer = setTimeout(() => void load(search), search === "" ? 0 : SEARCH_AFTER_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [search, load]);

  const drop = useCallback(
    (id: string): void => setList((list) => ({ ...list, emails: without(list.emails, id) })),
    [],
  );
  return { connection, emails, found, load, drop };
}

const without = (emails: readonly InboxSummary[] | null, id: string): InboxSummary[] =>
  (emails ?? []).filter((email) => email.id !== id);
