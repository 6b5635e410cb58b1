import { useState } from "react";
import { useAnnounce } from "./announce.tsx";
import { type MessageTimeline, useApi } from "./api.ts";
import { Confirm } from "./confirm.tsx";
import { Icon } from "./icons.tsx";
import { capital, spaced, wordsOf } from "./words.ts";

interface LetterActionsProps {
  readonly story: MessageTimeline;
  readonly onChanged: () => void;
  readonly onOpen: (id: string) => void;
}

/** What the letter's state allows. */
export function LetterActions({ story, onChanged, onOpen }: LetterActionsProps) {
  const api = useApi();
  const announce = useAnnounce();
  const [asking, setAsking] = useState<"cancel" | "suppress" | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const { recipient } = story;

  const retry = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      const { id } = await api.retry(story.id);
      announce("Queued again as a new letter, which is open now.");
      onOpen(id);
    } catch (failure) {
      setError(wordsOf(failure));
      setBusy(false);
    }
  };

  return (
    <div className="actions">
      {(story.state === "failed" || story.reason === "cancelled") && (
        <button type="button" className="button primary" aria-disabled={busy} onClick={() => void retry()}>
          <Icon name="retry" />
          Retry as a new letter
        </button>
      )}
      {story.state === "queued" && (
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
          title="Cancel this letter?"
          action="Cancel the letter"
          keep="Keep it"
          danger
          run={async () => {
            await api.cancel(story.id);
            announce("The letter is cancelled.");
            onChanged();
          }}
          onClose={() => setAsking(null)}
        >
          <p>
            {capital(spaced(story.kind))} {recipient && `to ${recipient}`} will not be sent, and a link that an earlier
            attempt may have carried dies. You can retry it later, as a new letter.
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
            No more mail goes to <strong>{recipient}</strong>, password resets included, until somebody lifts it under
            “Suppressed”. What is queued for it is dropped.
          </p>
        </Confirm>
      )}
    </div>
  );
}
