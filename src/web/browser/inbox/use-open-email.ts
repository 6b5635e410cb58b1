import { useEffect, useEffectEvent, useState } from "react";
import type { InboxMessage } from "../../../mail/inbox/shapes.ts";
import { readEmail } from "./api.ts";

interface Listeners {
  readonly onShown: (id: string) => void;
  /** Called when an email is opened by a link or by Back; the email that the page opens with does not count. */
  readonly onChosen: (id: string) => void;
  readonly onMissing: () => void;
}

/**
 * The email with this id; the one before stays until it has been read.
 * @param id empty: none.
 */
export function useOpenEmail(id: string, listeners: Listeners): InboxMessage | null {
  const [shown, setShown] = useState<InboxMessage | null>(null);
  // An email that was closed is not shown again while another one is read.
  if (id === "" && shown !== null) setShown(null);
  const onRead = useEffectEvent((email: InboxMessage | null) => {
    setShown(email);
    if (email) listeners.onShown(email.id);
    else listeners.onMissing();
  });
  useEffect(() => {
    if (id === "") return;
    const stop = new AbortController();
    readEmail(id, stop.signal).then(
      (email) => onRead(email),
      () => {
        if (!stop.signal.aborted) onRead(null);
      },
    );
    return () => stop.abort();
  }, [id]);

  const onChosen = useEffectEvent(() => listeners.onChosen(location.hash.slice(1)));
  useEffect(() => {
    const listener = (): void => onChosen();
    addEventListener("hashchange", listener);
    return () => removeEventListener("hashchange", listener);
  }, []);
  return id === "" ? null : shown;
}
