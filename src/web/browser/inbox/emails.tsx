import { type Ref, useEffect, useRef, useState } from "react";
import type { InboxSummary } from "../../../mail/inbox/shapes.ts";
import { plural } from "../ui/words.ts";

/** An email that appears within this time after its arrival is highlighted. */
const ARRIVED_MILLISECONDS = 2_000;

interface EmailsProps {
  readonly ref: Ref<HTMLUListElement>;
  readonly emails: readonly InboxSummary[];
  /** The search that found them. */
  readonly found: string;
  readonly read: ReadonlySet<string>;
  readonly openId: string | null;
  readonly onShowAll: () => void;
}

/** The list, newest first. Fields of emails are text in it, never markup. */
export function Emails({ ref, emails, found, read, openId, onShowAll }: EmailsProps) {
  const unread = emails.filter(({ id }) => !read.has(id)).length;
  const number = plural(emails.length, "email");
  return (
    <section className="mailbox" aria-labelledby="count">
      <h2 id="count" className="count">
        {found ? `${number} found` : unread > 0 ? `${number}, ${unread} unread` : number}
      </h2>
      <ul ref={ref} className="list" data-found={found} hidden={emails.length === 0}>
        {emails.map((email) => (
          <li key={email.id}>
            <Row email={email} unread={!read.has(email.id)} open={email.id === openId} />
          </li>
        ))}
      </ul>
      {emails.length === 0 && (
        <div className="empty">
          <p>
            No email matches <q>{found}</q>.
          </p>
          <button type="button" className="button" onClick={onShowAll}>
            Show all emails
          </button>
        </div>
      )}
    </section>
  );
}

interface RowProps {
  readonly email: InboxSummary;
  readonly unread: boolean;
  readonly open: boolean;
}

function Row({ email, unread, open }: RowProps) {
  const { id, envelope, subject, preview, receivedAt } = email;
  const row = useRef<HTMLAnchorElement>(null);
  const [arrived] = useState(() => Date.now() - Date.parse(receivedAt) < ARRIVED_MILLISECONDS);
  useEffect(() => {
    if (open) row.current?.scrollIntoView({ block: "nearest" });
  }, [open]);
  return (
    <a
      ref={row}
      className="row"
      data-arrived={arrived}
      href={`#${id}`}
      data-id={id}
      data-unread={unread}
      aria-current={open ? "true" : undefined}
    >
      {unread && <span className="unseen">Unread.</span>}
      <span className="who" dir="auto">
        {envelope.to.join(", ")}
      </span>
      <time className="when" dateTime={receivedAt} title={new Date(receivedAt).toLocaleString()}>
        {shortTime(new Date(receivedAt))}
      </time>
      <span className="what" dir="auto">
        {subject || "(no subject)"}
      </span>
      <span className="preview" dir="auto">
        {preview}
      </span>
    </a>
  );
}

/** The time today, the day otherwise. */
function shortTime(time: Date): string {
  const today = time.toDateString() === new Date().toDateString();
  const shape = today
    ? ({ hour: "2-digit", minute: "2-digit" } as const)
    : ({ day: "numeric", month: "short" } as const);
  return new Intl.DateTimeFormat(undefined, shape).format(time);
}
