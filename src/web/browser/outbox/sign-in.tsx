import { type ReactNode, type SubmitEvent, useEffect, useId, useRef, useState } from "react";
import { OutboxMark } from "../ui/icons.tsx";
import { SiteNav } from "../ui/site-nav.tsx";
import { wordsOf } from "../ui/words.ts";

interface SignInProps {
  readonly username: string;
  /** Why the login is asked for, when it was not asked for by the user. */
  readonly note: string | null;
  readonly signIn: (username: string, password: string) => Promise<void>;
}

export function SignIn({ username, note, signIn }: SignInProps) {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const name = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const [nameId, passwordId, errorId] = [useId(), useId(), useId()];

  useEffect(() => (username ? password : name).current?.focus(), [username]);

  const submit = async (event: SubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (busy || !name.current || !password.current) return;
    setBusy(true);
    setError(null);
    try {
      await signIn(name.current.value.trim(), password.current.value);
    } catch (failure) {
      setError(wordsOf(failure));
      setBusy(false);
      password.current?.select();
      password.current?.focus();
    }
  };

  return (
    <Gate>
      <form className="gate-form" aria-busy={busy} onSubmit={(event) => void submit(event)}>
        <h1>Outbox</h1>
        <p className="quiet">{note ?? "Sign in as a superuser to see every message and what happened to it."}</p>
        <div className="field">
          <label htmlFor={nameId}>Username or email address</label>
          <input
            ref={name}
            id={nameId}
            defaultValue={username}
            required
            maxLength={320}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
          />
        </div>
        <div className="field">
          <label htmlFor={passwordId}>Password</label>
          <input
            ref={password}
            id={passwordId}
            type="password"
            required
            maxLength={1024}
            autoComplete="current-password"
            aria-invalid={error !== null}
            aria-describedby={errorId}
          />
          <p id={errorId} className="error" role="alert">
            {error}
          </p>
        </div>
        <button type="submit" className="button primary" aria-disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
        <p className="quiet small">
          Your login is kept in memory only, while this page is open. A reload asks for it again.
        </p>
      </form>
    </Gate>
  );
}

interface RefusedProps {
  readonly username: string;
  readonly onBack: () => void;
}

export function Refused({ username, onBack }: RefusedProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <Gate>
      <div className="gate-form">
        <h1 ref={heading} tabIndex={-1}>
          The outbox is for superusers
        </h1>
        <p className="quiet">
          <strong>{username}</strong> is signed out again: this account may not see other people’s mail. Your own
          messages are at <code>GET /user/me/message/</code>. If you need access, ask a superuser to move you to the
          department <em>management</em>.
        </p>
        <button type="button" className="button primary" onClick={onBack}>
          Sign in as someone else
        </button>
      </div>
    </Gate>
  );
}

const Gate = ({ children }: { readonly children: ReactNode }) => (
  <main className="gate">
    <div className="gate-card">
      <OutboxMark />
      {children}
    </div>
    <SiteNav current="outbox" />
  </main>
);
