import { useState } from "react";
import { API_PATH } from "../ui/root.ts";

const COPIED_MILLISECONDS = 2_000;

/** How to get the first email. */
export function EmptyInbox() {
  const [copied, setCopied] = useState(false);
  const command = `curl -X POST -H 'Content-Type: application/json' --data-raw '{"email": "mscott@dm.com"}' ${location.origin}${API_PATH}/user/pwd_reset_token/`;
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(command);
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MILLISECONDS);
  };
  return (
    <section className="notice no-emails" aria-labelledby="empty-title">
      <svg className="envelope" viewBox="0 0 120 84" aria-hidden="true">
        <rect x="3" y="3" width="114" height="78" rx="9" />
        <path d="m9 12 51 38 51-38M9 75l36-34m66 34L75 41" />
      </svg>
      <h2 id="empty-title">No emails yet</h2>
      <p>Every email that this server sends arrives here at once. To get one, ask for a password reset:</p>
      <div className="command">
        <pre tabIndex={0} aria-label="Command that asks for a password reset">
          {command}
        </pre>
        <button type="button" className="button" onClick={() => void copy()}>
          {copied ? "Copied" : "Copy"}
        </button>
      </div>
    </section>
  );
}
