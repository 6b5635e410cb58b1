import { useState } from "react";
import { useAnnounce } from "../ui/announce.tsx";
import { type MessageTimeline, useApi } from "./api.ts";
import { Confirm } from "../ui/confirm.tsx";
import { Icon } from "../ui/icons.tsx";
import { capital, spaced, wordsOf } from "../ui/words.ts";

interface MessageActionsProps {
  readonly message: MessageTimeline;
  readonly onChanged: () => void;
  readonly onOpen: (id: string) => void;
}

/** What the message's state allows. */
export function MessageActions({ message, onChanged, onOpen }: MessageActionsProps) {
  const api = useApi();
  const announce = useAnnounce();
  const [asking, setAsking] = useState<"cancel" | "suppress" | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const { recipient } = message;

  const retry = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      const { id } = await api.retry(message.id);
      announce("Queued again as a new message, which is open now.");
      onOpen(id);
    } catch (failure) {
      setError(wordsOf(failure));
      setBusy(false);
    }
  };

  return (
    <div className="actions">
      {(message.state === "failed" || message.reason === "cancelled") && (
        <button type="button" className="button primary" aria-disabled={busy} onClick={() => void retry()}>
          <Icon name="retry" />
          Retry as a new message
        </button>
      )}
      {message.state === "queued" && (
        <button type="button" className="button" onClick={() => setAsking("cancel")}>
          <Icon name="stop" />
          Cancel
        </button>
      )}
      {recipient && (
        <button type="button" className="button" onClick={() => setAsking("suppress")}>
          Suppress address
        </button>
      )}
      <p className="error" role="alert">
        {error}
      </p>
      {asking === "cancel" && (
        <Confirm
          title="Cancel this message?"
          action="Cancel the message"
          keep="Keep it"
          danger
          run={async () => {
            await api.cancel(message.id);
            announce("The message is cancelled.");
            onChanged();
          }}
          onClose={() => setAsking(null)}
        >
          <p>
            {capital(spaced(message.kind))} {recipient && `to ${recipient}`} will not be sent, and a link that an
            earlier attempt may have delivered stops working. You can retry it later, as a new message.
          </p>
        </Confirm>
      )}
      {asking === "suppress" && recipient && (
        <Confirm
          title="Suppress this address?"
          action="Suppress"
          keep="Keep sending"
          danger
          run={async () => {
            await api.suppress(recipient, "");
            announce(`No more mail goes to ${recipient}.`);
            onChanged();
          }}
          onClose={() => setAsking(null)}
        >
          <p>
            No more mail goes to <strong>{recipient}</strong>, password resets included, until the suppression is lifted
            under “Suppressed”. What is queued for it is dropped.
          </p>
        </Confirm>
      )}
    </div>
  );
}
