/** What is wrong just now, in the order in which it should be fixed. */
import type { ReactNode } from "react";
import { type CourierState, type Stats, useApi } from "./api.ts";
import { Icon } from "../ui/icons.tsx";
import { Problem } from "../ui/session.ts";
import type { Poll } from "../ui/use-poll.ts";
import { count, moment, plural, secondsBetween, wait, wordsOf } from "../ui/words.ts";

/** The other reasons have alerts of their own here. */
const DEGRADED_TITLES: Readonly<Record<string, string>> = {
  mail_deferred: "The SMTP server defers most emails",
  mail_late: "Emails are late",
};

interface AlertsProps {
  readonly stats: Stats;
  readonly poll: Poll<Stats>;
}

export function Alerts({ stats, poll }: AlertsProps) {
  const { paused, couriers, orphaned, degraded } = stats;
  const down = couriers.filter((courier) => courier.breaker !== "closed");
  return (
    <div className="alerts">
      {poll.failingSince !== null && (
        <Alert
          level="bad"
          icon="cut"
          title={poll.error instanceof Problem ? "The server cannot answer" : "The connection to the server is lost"}
        >
          {wordsOf(poll.error)} The figures are from {moment(poll.failingSince)}; trying again every few seconds.
        </Alert>
      )}
      {paused && (
        <Alert level="warn" icon="pause" title="Mail is paused">
          {paused.by ? `By ${paused.by}, since` : "Since"} {moment(paused.at)}. Requests are still accepted, and their
          emails wait.
        </Alert>
      )}
      {couriers.length === 0 && (
        <Alert level="bad" icon="alert" title="No courier is running">
          None has reported in the last minute, so messages wait in the queue and nothing is sent. Start one with{" "}
          <code>dundie worker</code>, or a server with <code>COURIER=on</code>.
        </Alert>
      )}
      {down.length > 0 && <Outage down={down} all={couriers.length} />}
      {degraded
        .filter(({ reason }) => Object.hasOwn(DEGRADED_TITLES, reason))
        .map(({ reason, text }) => (
          <Alert key={text} level="warn" icon="alert" title={DEGRADED_TITLES[reason] ?? reason}>
            {text}
          </Alert>
        ))}
      {orphaned > 0 && (
        <Alert level="info" icon="alert" title={`${plural(orphaned, "message is", "messages are")} orphaned`}>
          A courier stopped while sending {orphaned === 1 ? "it" : "them"}. Each is prepared and handed over alone, so
          that a message that crashes the courier cannot affect others.
        </Alert>
      )}
    </div>
  );
}

function Outage({ down, all }: { readonly down: readonly CourierState[]; readonly all: number }) {
  const api = useApi();
  const [first] = down.toSorted((a, b) => (a.until ?? "").localeCompare(b.until ?? ""));
  return (
    <Alert
      level="bad"
      icon="alert"
      title={
        down.length === all
          ? "The SMTP server cannot be used"
          : `${count(down.length)} of ${plural(all, "courier")} cannot use the SMTP server`
      }
    >
      {first && nextTry(first, api.now())} No message is lost, and none uses up an attempt.
      {first?.last_reply && (
        <>
          {" "}
          Last reply: <q className="words">{first.last_reply}</q>
        </>
      )}
    </Alert>
  );
}

function nextTry({ breaker, until }: CourierState, now: number): string {
  if (breaker === "probing") return "One message is trying it now.";
  const left = until && wait(secondsBetween(now, until));
  return left ? `Next try in ${left}.` : "Next try with the next message.";
}

interface AlertProps {
  readonly level: "bad" | "warn" | "info";
  readonly icon: "alert" | "pause" | "cut";
  readonly title: string;
  readonly children: ReactNode;
}

const Alert = ({ level, icon, title, children }: AlertProps) => (
  <section className="alert" data-level={level} aria-label={title}>
    <Icon name={icon} />
    <p>
      <strong>{title}.</strong> {children}
    </p>
  </section>
);
