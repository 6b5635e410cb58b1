import { useState } from "react";
import { useApi } from "./api.ts";
import { Confirm } from "../ui/confirm.tsx";
import { Icon, OutboxMark } from "../ui/icons.tsx";
import { SiteNav } from "../ui/site-nav.tsx";
import { wordsOf } from "../ui/words.ts";

interface HeaderProps {
  readonly username: string;
  readonly paused: boolean;
  readonly failingSince: number | null;
  readonly onChanged: () => void;
  readonly onCheckUp: () => void;
  readonly onActions: () => void;
  readonly onSuppressions: () => void;
  readonly onSignOut: () => void;
}

export function Header({
  username,
  paused,
  failingSince,
  onChanged,
  onCheckUp,
  onActions,
  onSuppressions,
  onSignOut,
}: HeaderProps) {
  const lost = failingSince !== null;
  return (
    <header className="bar">
      <OutboxMark />
      <h1>Outbox</h1>
      <p className="connection" data-state={lost ? "lost" : "live"}>
        {lost ? "No connection" : "Live"}
      </p>
      <SiteNav current="outbox" />
      <div className="bar-actions">
        <button type="button" className="button" onClick={onCheckUp}>
          Check-up
        </button>
        <button type="button" className="button" onClick={onActions}>
          Actions
        </button>
        <button type="button" className="button" onClick={onSuppressions}>
          Suppressed
        </button>
        <PauseButton paused={paused} onChanged={onChanged} />
      </div>
      <div className="who">
        <span className="who-name" title={`Logged in as ${username}`}>
          {username}
        </span>
        <button type="button" className="button quiet" onClick={onSignOut}>
          Log out
        </button>
      </div>
    </header>
  );
}

/** Pausing stops all mail, so it asks for confirmation. Resuming does not. */
function PauseButton({ paused, onChanged }: { readonly paused: boolean; readonly onChanged: () => void }) {
  const api = useApi();
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const resume = async (): Promise<void> => {
    try {
      await api.resume();
      setError(null);
      onChanged();
    } catch (failure) {
      setError(wordsOf(failure));
    }
  };
  return (
    <>
      {error && (
        <span className="error" role="alert">
          {error}
        </span>
      )}
      {paused ? (
        <button type="button" className="button primary" onClick={() => void resume()}>
          <Icon name="play" />
          Resume mail
        </button>
      ) : (
        <button type="button" className="button" onClick={() => setAsking(true)}>
          <Icon name="pause" />
          Pause mail
        </button>
      )}
      {asking && (
        <Confirm
          title="Pause all mail?"
          action="Pause mail"
          keep="Keep sending"
          run={async () => {
            await api.pause();
            onChanged();
          }}
          onClose={() => setAsking(false)}
        >
          <p>
            All couriers, on all machines, stop sending until mail is resumed. Requests are still accepted and wait in
            the queue; messages that are being sent now are finished. Links keep their short lives: a reset that waits
            for two hours expires.
          </p>
        </Confirm>
      )}
    </>
  );
}
