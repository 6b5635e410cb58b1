import { type ReactNode, type SubmitEvent, useEffect, useId, useRef, useState } from "react";

export interface SignInWords {
  /** The name of the page. */
  readonly title: string;
  readonly lead: string;
  readonly username: string;
  readonly password: string;
  readonly signIn: string;
  readonly busy: string;
  /** How long the login is kept. */
  readonly memory: string;
  readonly ended: string;
  readonly signedOut: string;
  readonly refusedTitle: string;
  readonly refused: (username: string) => ReactNode;
  readonly again: string;
  /** What went wrong with a call. */
  readonly wordsOf: (error: unknown) => string;
}

interface SignInProps {
  readonly words: SignInWords;
  readonly username: string;
  /** Why the login is asked for, when it was not asked for by the user. */
  readonly note: string | null;
  readonly signIn: (username: string, password: string) => Promise<void>;
}

export function SignIn({ words, username, note, signIn }: SignInProps) {
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
      setError(words.wordsOf(failure));
      setBusy(false);
      password.current?.select();
      password.current?.focus();
    }
  };

  return (
    <form className="gate-form" aria-busy={busy} onSubmit={(event) => void submit(event)}>
      <h1>{words.title}</h1>
      <p className="quiet">{note ?? words.lead}</p>
      <div className="field">
        <label htmlFor={nameId}>{words.username}</label>
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
        <label htmlFor={passwordId}>{words.password}</label>
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
        {busy ? words.busy : words.signIn}
      </button>
      <p className="quiet small">{words.memory}</p>
    </form>
  );
}

interface RefusedProps {
  readonly words: SignInWords;
  readonly username: string;
  readonly onBack: () => void;
}

export function Refused({ words, username, onBack }: RefusedProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div className="gate-form">
      <h1 ref={heading} tabIndex={-1}>
        {words.refusedTitle}
      </h1>
      <p className="quiet">{words.refused(username)}</p>
      <button type="button" className="button primary" onClick={onBack}>
        {words.again}
      </button>
    </div>
  );
}
