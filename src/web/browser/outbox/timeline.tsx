import { type MessageTimeline, type TimelineEntry, useApi } from "./api.ts";
import { capital, duration, exactMoment, moment, secondsBetween, spaced, wait } from "../ui/words.ts";

interface TimelineProps {
  readonly message: MessageTimeline;
  /** Why nothing is being sent just now; null: it is. */
  readonly obstacle: string | null;
}

/** What happened to a message, from the request to the use of its link, with the server's reply to each attempt. */
export const Timeline = ({ message, obstacle }: TimelineProps) => (
  <ol className="timeline">
    {message.timeline.map((entry, index) => (
      <Event
        key={`${entry.event} ${entry.at} ${entry.attempt?.number}`}
        entry={entry}
        before={message.timeline[index - 1]}
      />
    ))}
    <Next message={message} obstacle={obstacle} />
  </ol>
);

function Event({ entry, before }: { readonly entry: TimelineEntry; readonly before: TimelineEntry | undefined }) {
  const { attempt } = entry;
  const since = before ? secondsBetween(before.at, entry.at) : 0;
  return (
    <li className="event" data-event={attempt?.outcome ?? entry.event}>
      <p className="event-what">{attempt ? attemptWords(attempt) : capital(entry.text)}</p>
      <p className="event-when">
        <time dateTime={entry.at}>{exactMoment(entry.at)}</time>
        {since > 0 && <span> +{duration(since)}</span>}
      </p>
      {attempt?.reply && (
        <blockquote className="reply" dir="auto">
          {attempt.reply}
        </blockquote>
      )}
    </li>
  );
}

/** SMTP writes its verbs in capitals; "connect" and "greeting" are not verbs of SMTP. */
const VERBS = new Set(["ehlo", "starttls", "auth", "mail", "rcpt", "data"]);

function attemptWords({ number, outcome, phase }: NonNullable<TimelineEntry["attempt"]>): string {
  if (outcome === null) return `Attempt ${number} is under way`;
  const where = phase === null || outcome === "sent" ? "" : placeOf(phase);
  return `Attempt ${number}: ${outcome === "unknown" ? "outcome unknown" : spaced(outcome)} ${where}`.trimEnd();
}

const placeOf = (phase: string): string =>
  phase === "reply" ? "after the email" : `at ${VERBS.has(phase) ? phase.toUpperCase() : phase}`;

/** What comes next for a message that still waits. */
function Next({ message, obstacle }: TimelineProps) {
  const api = useApi();
  if (message.state !== "queued" || message.due_at === null) return null;
  const left = wait(secondsBetween(api.now(), message.due_at));
  // A message that is due waits for the obstacle; another waits for its time first.
  const now = obstacle ?? "as soon as a courier is free";
  return (
    <li className="event" data-event="next">
      <p className="event-what">
        Attempt {message.attempts + 1} {left ? `in ${left}, at ${moment(message.due_at)}` : now}
      </p>
    </li>
  );
}
