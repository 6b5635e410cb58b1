/** One message, in a drawer over the list: its state, its timeline, how its email looks, and what can be done. */
import { type ReactNode, useState } from "react";
import { type MessageTimeline, useApi } from "./api.ts";
import { Icon } from "../ui/icons.tsx";
import { MessageActions } from "./message-actions.tsx";
import { EmailPreview } from "./email-preview.tsx";
import { Modal } from "../ui/modal.tsx";
import { StateBadge } from "./state-badge.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { Timeline } from "./timeline.tsx";
import { usePoll } from "../ui/use-poll.ts";
import { reasonMeans } from "./reasons.ts";
import { capital, moment, spaced, wordsOf } from "../ui/words.ts";

interface MessageProps {
  readonly id: string;
  /** Why nothing is being sent just now; null: it is. */
  readonly obstacle: string | null;
  readonly onOpen: (id: string) => void;
  readonly onClose: () => void;
}

export function Message({ id, obstacle, onOpen, onClose }: MessageProps) {
  const api = useApi();
  const { data: message, error, failingSince, refresh } = usePoll((signal) => api.message(id, signal), id);
  return (
    <Modal className="drawer" title={message ? capital(spaced(message.kind)) : "Message"} onClose={onClose} light>
      <button type="button" className="button quiet drawer-close" onClick={onClose}>
        <Icon name="close" />
        <span className="unseen">Close</span>
      </button>
      {failingSince !== null && (
        <p className="error" role="alert">
          {wordsOf(error)}
        </p>
      )}
      {message ? (
        <Details message={message} obstacle={obstacle} onChanged={refresh} onOpen={onOpen} />
      ) : (
        failingSince === null && <p className="empty">Loading the message…</p>
      )}
    </Modal>
  );
}

interface DetailsProps {
  readonly message: MessageTimeline;
  /** Why nothing is being sent just now; null: it is. */
  readonly obstacle: string | null;
  readonly onChanged: () => void;
  readonly onOpen: (id: string) => void;
}

const TABS = [
  { name: "timeline", label: "Timeline" },
  { name: "html", label: "Email" },
  { name: "text", label: "Plain text" },
];

function Details({ message, obstacle, onChanged, onOpen }: DetailsProps) {
  const [tab, setTab] = useState("timeline");
  const meaning = reasonMeans(message.reason);
  return (
    <>
      <div className="message-state">
        <StateBadge state={message.state} reason={message.reason} />
        {meaning && <p className="quiet">{meaning}</p>}
      </div>
      <Facts message={message} onOpen={onOpen} />
      <MessageActions message={message} onChanged={onChanged} onOpen={onOpen} />
      <Tabs label="Views of the message" chosen={tab} onChoose={setTab} tabs={TABS}>
        {tab === "timeline" ? (
          <Timeline message={message} obstacle={obstacle} />
        ) : (
          <EmailPreview id={message.id} part={tab === "text" ? "text" : "html"} />
        )}
      </Tabs>
    </>
  );
}

function Facts({ message, onOpen }: { readonly message: MessageTimeline; readonly onOpen: (id: string) => void }) {
  const { retry_of: original } = message;
  const when = (iso: string): ReactNode => <time dateTime={iso}>{moment(iso)}</time>;
  return (
    <dl className="facts">
      <dt>To</dt>
      <dd dir="auto">
        {message.recipient ?? "the address of an account that was deleted"}
        {message.username && <span className="quiet"> {message.username}</span>}
      </dd>
      <dt>Lane</dt>
      <dd>{message.lane}</dd>
      <dt>Tried until</dt>
      <dd>
        {when(message.expires_at)}
        {message.link_expires_at && <span className="quiet"> · its link until {when(message.link_expires_at)}</span>}
      </dd>
      <dt>Id</dt>
      <dd>
        <code>{message.id}</code>
      </dd>
      {message.request_id && (
        <>
          <dt>Request</dt>
          <dd>
            <code>{message.request_id}</code>
          </dd>
        </>
      )}
      {original && (
        <>
          <dt>Retry of</dt>
          <dd>
            <button type="button" className="link" onClick={() => onOpen(original)}>
              <code>{original}</code>
            </button>
          </dd>
        </>
      )}
    </dl>
  );
}
