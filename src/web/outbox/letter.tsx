/** One letter, in a drawer over the list: what it is, what became of it, how it looks, what can be done. */
import { type ReactNode, useState } from "react";
import { type MessageTimeline, useApi } from "./api.ts";
import { Icon } from "./icons.tsx";
import { LetterActions } from "./letter-actions.tsx";
import { LetterPreview } from "./letter-preview.tsx";
import { Modal } from "./modal.tsx";
import { StateBadge } from "./state-badge.tsx";
import { Tabs } from "./tabs.tsx";
import { Timeline } from "./timeline.tsx";
import { usePoll } from "./use-poll.ts";
import { capital, moment, reasonMeans, spaced, wordsOf } from "./words.ts";

interface EmailProps {
  readonly id: string;
  /** Why nothing is being sent just now; null: it is. */
  readonly obstacle: string | null;
  readonly onOpen: (id: string) => void;
  readonly onClose: () => void;
}

export function PreparedMessage({ id, obstacle, onOpen, onClose }: EmailProps) {
  const api = useApi();
  const { data: story, error, failingSince, refresh } = usePoll((signal) => api.message(id, signal), id);
  return (
    <Modal className="drawer" title={story ? capital(spaced(story.kind)) : "PreparedMessage"} onClose={onClose} light>
      <button type="button" className="button quiet drawer-close" onClick={onClose}>
        <Icon name="close" />
        <span className="unseen">Close</span>
      </button>
      {failingSince !== null && (
        <p className="error" role="alert">
          {wordsOf(error)}
        </p>
      )}
      {story ? (
        <Story story={story} obstacle={obstacle} onChanged={refresh} onOpen={onOpen} />
      ) : (
        failingSince === null && <p className="empty">Reading the letter…</p>
      )}
    </Modal>
  );
}

interface StoryProps {
  readonly story: MessageTimeline;
  /** Why nothing is being sent just now; null: it is. */
  readonly obstacle: string | null;
  readonly onChanged: () => void;
  readonly onOpen: (id: string) => void;
}

const TABS = [
  { name: "timeline", label: "Timeline" },
  { name: "html", label: "PreparedMessage" },
  { name: "text", label: "Plain text" },
];

function Story({ story, obstacle, onChanged, onOpen }: StoryProps) {
  const [tab, setTab] = useState("timeline");
  const meaning = reasonMeans(story.reason);
  return (
    <>
      <div className="story-state">
        <StateBadge state={story.state} reason={story.reason} />
        {meaning && <p className="quiet">{meaning}</p>}
      </div>
      <Facts story={story} onOpen={onOpen} />
      <LetterActions story={story} onChanged={onChanged} onOpen={onOpen} />
      <Tabs label="Views of the letter" chosen={tab} onChoose={setTab} tabs={TABS}>
        {tab === "timeline" ? (
          <Timeline story={story} obstacle={obstacle} />
        ) : (
          <LetterPreview id={story.id} part={tab === "text" ? "text" : "html"} />
        )}
      </Tabs>
    </>
  );
}

function Facts({ story, onOpen }: { readonly story: MessageTimeline; readonly onOpen: (id: string) => void }) {
  const { retry_of: original } = story;
  const when = (iso: string): ReactNode => <time dateTime={iso}>{moment(iso)}</time>;
  return (
    <dl className="facts">
      <dt>To</dt>
      <dd dir="auto">
        {story.recipient ?? "an account’s address, at the time of sending"}
        {story.username && <span className="quiet"> {story.username}</span>}
      </dd>
      <dt>Lane</dt>
      <dd>{story.lane}</dd>
      <dt>Tried until</dt>
      <dd>
        {when(story.expires_at)}
        {story.link_expires_at && <span className="quiet"> · its link until {when(story.link_expires_at)}</span>}
      </dd>
      <dt>Id</dt>
      <dd>
        <code>{story.id}</code>
      </dd>
      {story.request_id && (
        <>
          <dt>Request</dt>
          <dd>
            <code>{story.request_id}</code>
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
