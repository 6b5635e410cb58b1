/** The newest emails of an account, or to an address that has none; each opens to its timeline. */
import { useState } from "react";
import { type Poll, usePoll } from "../ui/use-poll.ts";
import { type Email, type EmailEvent, useApi } from "./api.ts";
import { moment, w, wordsOf } from "./words.tsx";

export function PersonEmails({ username }: { readonly username: string }) {
  const api = useApi();
  const poll = usePoll((signal) => api.emails(username, signal), username);
  return <Emails poll={poll} none={w.noEmails} />;
}

/** Why a person without an account may wait for an email: an open registration, for example. */
export function AddressEmails({ address }: { readonly address: string }) {
  const api = useApi();
  const poll = usePoll((signal) => api.emailsTo(address, signal), address);
  return (
    <section className="address-emails" aria-label={w.emailsTo(address)}>
      {poll.data && poll.data.length > 0 && <p className="quiet">{w.emailsToHint}</p>}
      <Emails poll={poll} none={w.noEmailsTo} />
    </section>
  );
}

function Emails({ poll, none }: { readonly poll: Poll<readonly Email[]>; readonly none: string }) {
  const { data, error, failingSince } = poll;
  if (failingSince !== null && !data) return <p className="error">{wordsOf(error)}</p>;
  if (!data) return <p className="quiet">{w.loading}</p>;
  if (data.length === 0) return <p className="quiet">{none}</p>;
  return (
    <ul className="person-emails">
      {data.map((email) => (
        <li key={email.id}>
          <EmailEntry email={email} />
        </li>
      ))}
    </ul>
  );
}

function EmailEntry({ email }: { readonly email: Email }) {
  const [open, setOpen] = useState(false);
  const { kind, state, reason, created_at: at } = email;
  return (
    <details className="person-email" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <strong>{w.kinds[kind] ?? kind}</strong>
        <span className="badge" data-state={state}>
          <span className="badge-state">{w.emailState[state]}</span>
          {reason && <span className="badge-reason">{w.reasons[reason] ?? reason}</span>}
        </span>
        <time className="number" dateTime={at}>
          {moment(at)}
        </time>
      </summary>
      {open && <EmailTimeline email={email} />}
    </details>
  );
}

function EmailTimeline({ email }: { readonly email: Email }) {
  const api = useApi();
  const { data, error, failingSince } = usePoll((signal) => api.timeline(email.id, signal), email.id);
  if (failingSince !== null && !data) return <p className="error">{wordsOf(error)}</p>;
  if (!data) return <p className="quiet">{w.loading}</p>;
  return (
    <ol className="timeline">
      {data.map((entry) => (
        <li
          key={`${entry.event} ${entry.at} ${entry.attempt?.number}`}
          className="event"
          data-event={entry.attempt?.outcome ?? entry.event}
        >
          <p className="event-what">{wordsOfEvent(entry)}</p>
          <p className="event-when">
            <time dateTime={entry.at}>{moment(entry.at)}</time>
          </p>
          {entry.attempt?.reply && (
            <blockquote className="reply" dir="auto">
              {entry.attempt.reply}
            </blockquote>
          )}
        </li>
      ))}
      {email.state === "queued" && email.due_at !== null && (
        <li className="event" data-event="next">
          <p className="event-what">{w.nextAttempt(moment(email.due_at))}</p>
        </li>
      )}
    </ol>
  );
}

function wordsOfEvent({ event, attempt }: EmailEvent): string {
  if (!attempt) return w.events[event] ?? event;
  const { number, outcome } = attempt;
  return w.attempt(number, outcome === null ? w.underWay : (w.outcomes[outcome] ?? outcome));
}
