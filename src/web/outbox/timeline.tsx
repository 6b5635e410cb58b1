import { type MessageTimeline, type TimelineEntry, useApi } from "./api.ts";
import { capital, duration, exactMoment, moment, secondsBetween, spaced, wait } from "./words.ts";

interface TimelineProps {
  readonly story: MessageTimeline;
  /** Why nothing is being sent just now; null: it is. */
  readonly obstacle: string | null;
}

/** A letter's story, from the request to the use of its link, with the server's reply to each attempt. */
export const Timeline = ({ story, obstacle }: TimelineProps) => (
  <ol className="timeline">
    {story.timeline.map((entry, index) => (
      <Event
        key={`${entry.event} ${entry.at} ${entry.attempt?.number}`}
        entry={entry}
        before={story.timeline[index - 1]}
      />
    ))}
    <Next story={story} obstacle={obstacle} />
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

/** SMTP's verbs are shouted; "connect" and "greeting" are no verbs of SMTP. */
const VERBS = new Set(["ehlo", "starttls", "auth", "mail", "rcpt", "data"]);

function attemptWords({ number, outcome, phase }: NonNullable<TimelineEntry["attempt"]>): string {
  if (outcome === null) return `Attempt ${number} is under way`;
  const where = phase === null || outcome === "sent" ? "" : placeOf(phase);
  return `Attempt ${number}: ${outcome === "unknown" ? "outcome unknown" : spaced(outcome)} ${where}`.trimEnd();
}

const placeOf = (phase: string): string =>
  phase === "reply" ? "after the letter" : `at ${VERBS.has(phase) ? phase.toUpperCase() : phase}`;

/** What comes next, of a letter that still waits. */
function Next({ story, obstacle }: TimelineProps) {
  const api = useApi();
  if (story.state !== "queued" || story.due_at === null) return null;
  const left = wait(secondsBetween(api.now(), story.due_at));
  // What is due waits for the obstacle; what is not waits for its time first.
  const now = obstacle ?? "as soon as a courier is free";
  return (
    <li className="event" data-event="next">
      <p className="event-what">
        Attempt {story.attempts + 1} {left ? `in ${left}, at ${moment(story.due_at)}` : now}
      </p>
    </li>
  );
}
