/** What can be done for an account in its state. */
import { useState } from "react";
import { useAnnounce } from "../ui/announce.tsx";
import { Icon } from "../ui/icons.tsx";
import { type Person, useApi } from "./api.ts";
import { type Asked, PersonDialog } from "./person-dialog.tsx";
import { w, wordsOf } from "./words.tsx";

interface PersonActionsProps {
  readonly person: Person;
  readonly me: string;
  readonly onChanged: () => void;
  readonly onDeleted: () => void;
}

export function PersonActions({ person, me, onChanged, onDeleted }: PersonActionsProps) {
  const api = useApi();
  const announce = useAnnounce();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const { username, email, state, superuser } = person;

  const say = (words: string): void => {
    setDone(words);
    setError(null);
    announce(words);
    onChanged();
  };
  const run = async (act: () => Promise<unknown>, words: string): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      await act();
      say(words);
    } catch (failure) {
      setDone(null);
      setError(wordsOf(failure));
    }
    setBusy(false);
  };
  const canLogIn = state === "active" || state === "unverified";
  const isDisabled = state === "disabled" || state === "frozen";
  const own = username === me;

  return (
    <>
      <div className="actions">
        {state === "invited" && (
          <button
            type="button"
            className="button primary"
            aria-disabled={busy}
            onClick={() => void run(() => api.invite(username), w.invited)}
          >
            <Icon name="retry" />
            {w.invite}
          </button>
        )}
        {canLogIn && (
          <button
            type="button"
            className="button"
            aria-disabled={busy}
            onClick={() => void run(() => api.sendReset(email), w.resetSent)}
          >
            {w.reset}
          </button>
        )}
        {!isDisabled && !own && <Ask what="changeAddress" onAsk={setAsked} />}
        {canLogIn && <Ask what="endSessions" onAsk={setAsked} />}
        {(canLogIn || superuser) && <Ask what={superuser ? "removeSuperuser" : "makeSuperuser"} onAsk={setAsked} />}
        {isDisabled && <Ask what="enable" onAsk={setAsked} />}
        {!isDisabled && <Ask what="disable" onAsk={setAsked} />}
        {!own && <Ask what="remove" onAsk={setAsked} />}
        <p className="error" role="alert">
          {error}
        </p>
      </div>
      {done && <p className="done">{done}</p>}
      {asked && (
        <PersonDialog
          asked={asked}
          person={person}
          onDone={(words) => {
            setAsked(null);
            say(words);
            if (asked === "remove") onDeleted();
          }}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}

const Ask = ({ what, onAsk }: { readonly what: Asked; readonly onAsk: (what: Asked) => void }) => (
  <button type="button" className="button" onClick={() => onAsk(what)}>
    {w[what]}
  </button>
);
