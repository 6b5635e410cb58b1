import { type ReactNode, useId, useState } from "react";
import { FIRST_FOCUS, Modal } from "./modal.tsx";
import { wordsOf } from "./words.ts";

interface ConfirmProps {
  readonly title: string;
  readonly children: ReactNode;
  /** What the button that does it says. */
  readonly action: string;
  /** What the button that leaves all as it is says. */
  readonly keep: string;
  readonly danger?: boolean;
  readonly run: () => Promise<void>;
  readonly onClose: () => void;
}

/** Asks before what cannot be undone with a click. Closes when it is done; says in place why it was not. */
export function Confirm({ title, children, action, keep, danger = false, run, onClose }: ConfirmProps) {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const textId = useId();
  const confirm = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      await run();
      onClose();
    } catch (failure) {
      setError(wordsOf(failure));
      setBusy(false);
    }
  };
  return (
    <Modal className="dialog" title={title} onClose={onClose} describedBy={textId}>
      <div id={textId} className="quiet">
        {children}
      </div>
      <p className="error" role="alert">
        {error}
      </p>
      <div className="dialog-actions">
        <button type="button" className={`button ${FIRST_FOCUS}`} onClick={onClose}>
          {keep}
        </button>
        <button
          type="button"
          className={danger ? "button danger" : "button primary"}
          aria-disabled={busy}
          onClick={() => void confirm()}
        >
          {action}
        </button>
      </div>
    </Modal>
  );
}
