/** The open email: who sent it to whom, when, and its four views. */
import { type ReactNode, useState } from "react";
import type { InboxMessage, Mailbox } from "../../../mail/inbox/shapes.ts";
import { Icon } from "../ui/icons.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { htmlAddress, sourceAddress } from "./api.ts";

const TABS = [
  { name: "html", label: "HTML" },
  { name: "text", label: "Text" },
  { name: "headers", label: "Headers" },
  { name: "source", label: "Source" },
];
/** The chosen tab, which stays chosen when another email is opened. */
let lastTab = "html";

interface EmailProps {
  readonly email: InboxMessage;
  readonly onBack: () => void;
  readonly onDelete: () => Promise<void>;
}

export function Email({ email, onBack, onDelete }: EmailProps) {
  const [tab, setTab] = useState(lastTab);
  const choose = (name: string): void => {
    lastTab = name;
    setTab(name);
  };
  return (
    <article className="email" aria-labelledby="subject" data-email={email.id}>
      <header className="email-head">
        <div className="email-actions">
          <button type="button" className="button quiet" onClick={onBack}>
            <Icon name="back" />
            Emails
          </button>
          <button type="button" className="button quiet" onClick={() => void onDelete()}>
            Delete
          </button>
        </div>
        <h2 id="subject" className="subject" tabIndex={-1} dir="auto">
          {email.subject || "(no subject)"}
        </h2>
        <Facts email={email} />
      </header>
      <Tabs label="Views of the email" chosen={tab} onChoose={choose} tabs={TABS}>
        {tab === "html" ? (
          <HtmlPart email={email} />
        ) : tab === "text" ? (
          <TextPart text={email.text} />
        ) : tab === "headers" ? (
          <Headers headers={email.headers} />
        ) : (
          <Source email={email} />
        )}
      </Tabs>
    </article>
  );
}

function Facts({ email: { from, to, envelope, date, receivedAt } }: { readonly email: InboxMessage }) {
  // Blind copies, and others whom the headers do not name.
  const hidden = envelope.to.filter((address) => !to.some((named) => named.address === address));
  return (
    <dl className="facts">
      <dt>From</dt>
      <dd>{from ? mailboxName(from) : envelope.from}</dd>
      {to.length > 0 && (
        <>
          <dt>To</dt>
          <dd>{to.map(mailboxName).join(", ")}</dd>
        </>
      )}
      {hidden.length > 0 && (
        <>
          <dt>Delivered to</dt>
          <dd>{hidden.join(", ")}</dd>
        </>
      )}
      <dt>Date</dt>
      <dd>{dateInWords(date ?? receivedAt)}</dd>
    </dl>
  );
}

const mailboxName = ({ name, address }: Mailbox): string => (name ? `${name} <${address}>` : address);

/** @param date is shown as it stands where it is not a date. */
function dateInWords(date: string): string {
  const at = new Date(date);
  if (Number.isNaN(at.valueOf())) return date;
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }).format(at);
}

/** A document of its own, with a policy of its own: see `web/inbox.ts`. */
const HtmlPart = ({ email: { id, html, subject } }: { readonly email: InboxMessage }) =>
  html === null ? (
    <p className="quiet">This email has no HTML part.</p>
  ) : (
    <iframe
      title={`HTML of the email “${subject}”`}
      src={htmlAddress(id)}
      sandbox="allow-popups allow-popups-to-escape-sandbox"
      referrerPolicy="no-referrer"
    />
  );

const TextPart = ({ text }: { readonly text: string | null }) =>
  text === null ? <p className="quiet">This email has no text part.</p> : <pre dir="auto">{withLinks(text)}</pre>;

const LINK = /(https?:\/\/[^\s<>"'()[\]]*[^\s<>"'()[\].,;:!?])/i;

/** Every second piece is a link. */
const withLinks = (text: string): ReactNode[] =>
  text.split(LINK).map((piece, at) =>
    at % 2 === 0 ? (
      piece
    ) : (
      // oxlint-disable-next-line react/no-array-index-key -- pieces of one text that does not change.
      <a key={at} href={piece} target="_blank" rel="noreferrer">
        {piece}
      </a>
    ),
  );

const Headers = ({ headers }: { readonly headers: InboxMessage["headers"] }) => (
  <table className="headers">
    <tbody>
      {headers.map(({ name, value }, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- a header may come more than once, and none moves.
        <tr key={at}>
          <th scope="row">{name}</th>
          <td>{value}</td>
        </tr>
      ))}
    </tbody>
  </table>
);

const Source = ({ email: { id, source } }: { readonly email: InboxMessage }) => (
  <>
    <p className="source-link">
      <a href={sourceAddress(id)} target="_blank" rel="noreferrer">
        Open in a new tab
      </a>
    </p>
    <pre>{source}</pre>
  </>
);
