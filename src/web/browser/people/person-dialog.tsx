/** Asks before something is done to an account, for what it needs to know. */
import { type SubmitEvent, useId, useRef, useState } from "react";
import { FIRST_FOCUS, Modal } from "../ui/modal.tsx";
import { type Api, type Person, useApi } from "./api.ts";
import { w, wordsOf } from "./words.tsx";

export type Asked = keyof typeof w.ask;

interface PersonDialogProps {
  readonly asked: Asked;
  readonly person: Person;
  /** @param words what was done. */
  readonly onDone: (words: string) => void;
  readonly onClose: () => void;
}

interface Typed {
  readonly email: string;
  /** The superuser's own. */
  readonly password: string;
}

/** What each does, and what it says when it is done. */
const ACTS: Readonly<Record<Asked, (api: Api, person: Person, typed: Typed) => Promise<string>>> = {
  async changeAddress(api, { username }, { email, password }) {
    await api.changeAddress(username, email, password);
    return w.addressChanged(email);
  },
  async endSessions(api, { username }) {
    await api.endSessions(username);
    return w.sessionsEnded;
  },
  async makeSuperuser(api, { username }, { password }) {
    await api.change(username, { superuser: true, current_password: password });
    return w.superuserMade;
  },
  async removeSuperuser(api, { username }, { password }) {
    await api.change(username, { superuser: false, current_password: password });
    return w.superuserRemoved;
  },
  async disable(api, { username }) {
    await api.disable(username);
    return w.disabledNow;
  },
  async enable(api, { username }, { email, password }) {
    await api.enable(username, email, password);
    return w.enabledNow;
  },
  async remove(api, { username }) {
    await api.remove(username);
    return w.deletedNow;
  },
};

const NEEDS_PASSWORD: ReadonlySet<Asked> = new Set(["changeAddress", "makeSuperuser", "removeSuperuser"]);
const DANGEROUS: ReadonlySet<Asked> = new Set(["endSessions", "removeSuperuser", "disable", "remove"]);

export function PersonDialog({ asked, person, onDone, onClose }: PersonDialogProps) {
  const api = useApi();
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [textId, emailId, passwordId, hintId, errorId] = [useId(), useId(), useId(), useId(), useId()];
  const email = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const mayMove = asked === "changeAddress" || (asked === "enable" && person.state === "frozen");
  const needsPassword = NEEDS_PASSWORD.has(asked) || (asked === "enable" && (mayMove || person.superuser));
  const { title, action } = w.ask[asked];
  const text = asked === "enable" && person.state === "frozen" ? w.ask.enable.frozen : w.ask[asked].text;

  const submit = async (event: SubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      const typed = { email: email.current?.value.trim() ?? "", password: password.current?.value ?? "" };
      onDone(await ACTS[asked](api, person, typed));
    } catch (failure) {
      setError(wordsOf(failure));
      setBusy(false);
      (password.current ?? email.current)?.focus();
    }
  };

  return (
    <Modal className="dialog" title={title} onClose={onClose} describedBy={textId}>
      <p id={textId} className="quiet">
        <strong dir="auto">{person.name}</strong>, <span dir="auto">{person.email}</span>. {text}
      </p>
      <form className="form" onSubmit={(event) => void submit(event)}>
        {mayMove && (
          <div className="field">
            <label htmlFor={emailId}>{asked === "enable" ? w.newEmailOptional : w.newEmail}</label>
            <input
              ref={email}
              id={emailId}
              className={FIRST_FOCUS}
              type="email"
              required={asked === "changeAddress"}
              maxLength={320}
              autoComplete="off"
              spellCheck={false}
              aria-describedby={errorId}
            />
          </div>
        )}
        {needsPassword && (
          <div className="field">
            <label htmlFor={passwordId}>{w.yourPassword}</label>
            <input
              ref={password}
              id={passwordId}
              className={mayMove ? "" : FIRST_FOCUS}
              type="password"
              required
              maxLength={1024}
              autoComplete="current-password"
              aria-describedby={`${hintId} ${errorId}`}
            />
            <p id={hintId} className="quiet small">
              {w.yourPasswordHint}
            </p>
          </div>
        )}
        <p id={errorId} className="error" role="alert">
          {error}
        </p>
        <div className="dialog-actions">
          <button
            type="button"
            className={mayMove || needsPassword ? "button" : `button ${FIRST_FOCUS}`}
            onClick={onClose}
          >
            {w.keep}
          </button>
          <button
            type="submit"
            className={DANGEROUS.has(asked) ? "button danger" : "button primary"}
            aria-disabled={busy}
          >
            {action}
          </button>
        </div>
      </form>
    </Modal>
  );
}
