import { type SubmitEvent, useId, useRef, useState } from "react";
import { useAnnounce } from "../ui/announce.tsx";
import { type Suppression, useApi } from "./api.ts";
import { Modal } from "../ui/modal.tsx";
import { usePoll } from "../ui/use-poll.ts";
import { moment, wordsOf } from "../ui/words.ts";

/** The addresses that get no mail because an operator suppressed them. */
export function Suppressions({ onClose }: { readonly onClose: () => void }) {
  const api = useApi();
  const announce = useAnnounce();
  const { data, error, failingSince, refresh } = usePoll((signal) => api.suppressions(signal), "suppressions");
  const [failed, setFailed] = useState<string | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);

  const lift = async (email: string): Promise<void> => {
    try {
      await api.lift(email);
      setFailed(null);
      announce(`Mail goes to ${email} again.`);
      // Its button goes with it: the focus must not fall out of the dialog.
      heading.current?.focus();
    } catch (failure) {
      setFailed(wordsOf(failure));
    }
    refresh();
  };

  return (
    <Modal className="dialog large" title="Suppressed addresses" onClose={onClose}>
      <p className="quiet">
        No mail goes to these, password resets included. Messages that are queued for them are dropped.
      </p>
      <SuppressForm onDone={refresh} />
      <h3 ref={heading} tabIndex={-1} className="unseen">
        List
      </h3>
      <p className="error" role="alert">
        {failed ?? (failingSince === null ? null : wordsOf(error))}
      </p>
      {data && data.length > 0 && <SuppressionTable items={data} onLift={(email) => void lift(email)} />}
      {data?.length === 0 && <p className="empty">No address is suppressed.</p>}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Modal>
  );
}

interface SuppressionTableProps {
  readonly items: readonly Suppression[];
  readonly onLift: (email: string) => void;
}

const SuppressionTable = ({ items, onLift }: SuppressionTableProps) => (
  <div className="scroller" tabIndex={0} role="group" aria-label="Suppressed addresses">
    <table className="plain">
      <thead>
        <tr>
          <th scope="col">Address</th>
          <th scope="col" className="from-tablet">
            By
          </th>
          <th scope="col" className="number">
            Since
          </th>
          <th scope="col">
            <span className="unseen">Action</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map(({ email, note, created_by: by, created_at: at }) => (
          <tr key={email}>
            <th scope="row" className="recipient">
              <span dir="auto">{email}</span>
              {note && (
                <span className="quiet small" dir="auto">
                  {note}
                </span>
              )}
            </th>
            <td className="from-tablet">{by}</td>
            <td className="number">
              <time dateTime={at}>{moment(at)}</time>
            </td>
            <td className="number">
              <button type="button" className="button small" onClick={() => onLift(email)}>
                Lift<span className="unseen"> {email}</span>
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

function SuppressForm({ onDone }: { readonly onDone: () => void }) {
  const api = useApi();
  const announce = useAnnounce();
  const email = useRef<HTMLInputElement>(null);
  const note = useRef<HTMLInputElement>(null);
  const [error, setError] = useState<string | null>(null);
  const [emailId, noteId, errorId] = [useId(), useId(), useId()];

  const submit = async (event: SubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (!email.current || !note.current) return;
    const address = email.current.value.trim();
    try {
      await api.suppress(address, note.current.value.trim());
      setError(null);
      announce(`No more mail goes to ${address}.`);
      email.current.value = "";
      note.current.value = "";
      onDone();
    } catch (failure) {
      setError(wordsOf(failure));
    }
    email.current?.focus();
  };

  return (
    <form className="suppress-form" noValidate onSubmit={(event) => void submit(event)}>
      <div className="field">
        <label htmlFor={emailId}>Address</label>
        <input
          ref={email}
          id={emailId}
          type="email"
          maxLength={320}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={error !== null}
          aria-describedby={errorId}
        />
      </div>
      <div className="field">
        <label htmlFor={noteId}>
          Why <span className="quiet">(optional)</span>
        </label>
        <input ref={note} id={noteId} maxLength={500} autoComplete="off" />
      </div>
      <button type="submit" className="button">
        Suppress
      </button>
      <p id={errorId} className="error" role="alert">
        {error}
      </p>
    </form>
  );
}
