/** Makes one account, with an invitation or with a password. */
import { type SubmitEvent, useId, useState } from "react";
import { LOCALES } from "../../../mail/kinds.ts";
import { useAnnounce } from "../ui/announce.tsx";
import { FIRST_FOCUS, Modal } from "../ui/modal.tsx";
import { useApi } from "./api.ts";
import { Check, Field } from "./fields.tsx";
import { w, wordsOf } from "./words.tsx";

interface AddPersonProps {
  /** @param username of the new account. */
  readonly onAdded: (username: string) => void;
  readonly onClose: () => void;
}

/** New accounts of this department are superusers by default. */
const SUPERUSER_DEPT = "management";

export function AddPerson({ onAdded, onClose }: AddPersonProps) {
  const api = useApi();
  const announce = useAnnounce();
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [invite, setInvite] = useState(true);
  const [dept, setDept] = useState("");
  /** Null: as the department has it. */
  const [chosen, setChosen] = useState<boolean | null>(null);
  const superuser = chosen ?? dept.trim() === SUPERUSER_DEPT;
  const [localeId, howId] = [useId(), useId()];

  const submit = async (event: SubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (busy) return;
    const form = new FormData(event.currentTarget);
    const read = (name: string): string => {
      const value = form.get(name);
      return typeof value === "string" ? value : "";
    };
    const [username, locale] = [read("username").trim(), read("locale")];
    setBusy(true);
    try {
      const person = await api.create({
        name: read("name").trim(),
        email: read("email").trim(),
        dept: dept.trim(),
        superuser,
        ...(username ? { username } : {}),
        ...(locale ? { locale } : {}),
        ...(invite ? {} : { password: read("password") }),
        ...(superuser ? { current_password: read("own_password") } : {}),
      });
      announce(w.added(person.name));
      onClose();
      onAdded(person.username);
    } catch (failure) {
      setError(wordsOf(failure));
      setBusy(false);
    }
  };

  return (
    <Modal className="dialog large" title={w.addTitle} onClose={onClose}>
      <form className="form" onSubmit={(event) => void submit(event)}>
        <div className="pair">
          <Field label={w.name} name="name" required maxLength={100} className={FIRST_FOCUS} />
          <Field label={w.email} name="email" type="email" required maxLength={320} />
          <Field
            label={w.dept}
            name="dept"
            required
            maxLength={64}
            value={dept}
            onChange={(event) => setDept(event.target.value)}
          />
          <Field
            label={w.username}
            name="username"
            hint={w.usernameHint}
            optional
            maxLength={64}
            autoCapitalize="none"
          />
          <div className="field">
            <label htmlFor={localeId}>{w.language}</label>
            <select id={localeId} name="locale" defaultValue="">
              <option value="">{w.byDefault}</option>
              {LOCALES.map((locale) => (
                <option key={locale} value={locale}>
                  {w.languages[locale]}
                </option>
              ))}
            </select>
          </div>
        </div>
        <div className="form" role="radiogroup" aria-labelledby={howId}>
          <p id={howId}>
            <strong>{w.howTo}</strong>
          </p>
          <Check
            type="radio"
            name="how"
            label={w.byInvitation}
            hint={w.byInvitationHint}
            checked={invite}
            onCheck={() => setInvite(true)}
          />
          <Check
            type="radio"
            name="how"
            label={w.byPassword}
            hint={w.byPasswordHint}
            checked={!invite}
            onCheck={() => setInvite(false)}
          />
        </div>
        {!invite && (
          <Field
            label={w.password}
            name="password"
            type="password"
            required
            maxLength={1024}
            autoComplete="new-password"
          />
        )}
        <Check label={w.asSuperuser} hint={w.asSuperuserHint} checked={superuser} onCheck={setChosen} />
        {superuser && (
          <Field
            label={w.yourPassword}
            name="own_password"
            type="password"
            hint={w.yourPasswordHint}
            required
            maxLength={1024}
            autoComplete="current-password"
          />
        )}
        <p className="error" role="alert">
          {error}
        </p>
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            {w.cancel}
          </button>
          <button type="submit" className="button primary" aria-disabled={busy}>
            {w.addAction}
          </button>
        </div>
      </form>
    </Modal>
  );
}
