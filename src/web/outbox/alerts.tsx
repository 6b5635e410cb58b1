/** What is wrong just now, in the order in which it should be mended. Where nothing is, nothing stands here. */
import type { ReactNode } from "react";
import { type CourierState, type Stats, useApi } from "./api.ts";
import { Icon } from "./icons.tsx";
import { Problem } from "./session.ts";
import type { Poll } from "./use-poll.ts";
import { count, moment, plural, secondsBetween, wait, wordsOf } from "./words.ts";

interface AlertsProps {
  readonly stats: Stats;
  readonly poll: Poll<Stats>;
}

export function Alerts({ stats, poll }: AlertsProps) {
  const { paused, couriers, orphaned } = stats;
  const down = couriers.filter((courier) => courier.breaker !== "closed");
  return (
    <div className="alerts">
      {poll.failingSince !== null && (
        <Alert
          level="bad"
          icon="cut"
          title={poll.error instanceof Problem ? "The server cannot answer" : "The connection to the server is lost"}
        >
          {wordsOf(poll.error)} What stands here is from {moment(poll.failingSince)}; trying again every few seconds.
        </Alert>
      )}
      {paused && (
        <Alert level="warn" icon="pause" title="Mail is paused">
          {paused.by ? `By ${paused.by}, since` : "Since"} {moment(paused.at)}. Requests are accepted and wait.
        </Alert>
      )}
      {couriers.length === 0 && (
        <Alert level="bad" icon="alert" title="No courier is running">
          None has reported in the last minute: letters wait in the queue and nothing is sent. Start one with{" "}
          <code>bun run dundie worker</code>, or a server with <code>COURIER=on</code>.
        </Alert>
      )}
      {down.length > 0 && <Outage down={down} all={couriers.length} />}
      {orphaned > 0 && (
        <Alert
          level="info"
          icon="alert"
          title={`${plural(orphaned, "letter was", "letters were")} in a courier’s hands when it died`}
        >
          Each is sent alone, so that it takes no other along.
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
      {first && nextTry(first, api.now())} No letter is lost or charged with a try.
      {first?.last_reply && (
        <>
          {" "}
          Last words: <q className="words">{first.last_reply}</q>
        </>
      )}
    </Alert>
  );
}

function nextTry({ breaker, until }: CourierState, now: number): string {
  if (breaker === "probing") return "One letter is trying it now.";
  const left = until && wait(secondsBetween(now, until));
  return left ? `Next try in ${left}.` : "Next try with the next letter.";
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
