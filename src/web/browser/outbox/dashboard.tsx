/** What an operator sees: the state of the mail, and the messages. */
import { useEffect, useEffectEvent, useRef, useState } from "react";
import { useAddress } from "./address.ts";
import { Alerts } from "./alerts.tsx";
import { Announcer, useAnnounce } from "../ui/announce.tsx";
import { type Stats, useApi } from "./api.ts";
import { CheckUp } from "./check-up.tsx";
import { Endings } from "./endings.tsx";
import { Figures } from "./figures.tsx";
import { Header } from "./header.tsx";
import { Message } from "./message.tsx";
import { Messages } from "./messages.tsx";
import { OperatorActions } from "./operator-actions.tsx";
import { Queue } from "./queue.tsx";
import { Suppressions } from "./suppressions.tsx";
import { Throughput } from "./throughput.tsx";
import { Transport } from "./transport.tsx";
import { type Poll, usePoll } from "../ui/use-poll.ts";

interface DashboardProps {
  readonly username: string;
  readonly first: Stats;
  readonly onSignOut: () => void;
}

export const Dashboard = (props: DashboardProps) => (
  <Announcer>
    <Board {...props} />
  </Announcer>
);

function Board({ username, first, onSignOut }: DashboardProps) {
  const api = useApi();
  const poll = usePoll((signal) => api.stats(signal), "stats", first);
  const [address, go] = useAddress();
  const [dialog, setDialog] = useState<"actions" | "check-up" | "suppressions" | null>(null);
  const stats = poll.data ?? first;
  useAnnouncedCondition(stats, poll);

  return (
    <>
      <Header
        username={username}
        paused={stats.paused !== null}
        failingSince={poll.failingSince}
        onChanged={poll.refresh}
        onCheckUp={() => setDialog("check-up")}
        onActions={() => setDialog("actions")}
        onSuppressions={() => setDialog("suppressions")}
        onSignOut={onSignOut}
      />
      <main className="board" data-stale={poll.failingSince !== null}>
        <Alerts stats={stats} poll={poll} />
        <Figures stats={stats} />
        <div className="panels">
          <Throughput minutes={stats.minutes} />
          <Queue stats={stats} />
          <Transport couriers={stats.couriers} />
          <Endings ended={stats.ended} go={go} />
        </div>
        <Messages address={address} go={go} />
      </main>
      {address.message && (
        <Message
          // Each message starts with fresh state.
          key={address.message}
          id={address.message}
          obstacle={obstacleOf(stats)}
          onOpen={(message) => go({ message })}
          onClose={() => go({ message: "" })}
        />
      )}
      {dialog === "check-up" && <CheckUp onClose={() => setDialog(null)} />}
      {dialog === "actions" && <OperatorActions onClose={() => setDialog(null)} />}
      {dialog === "suppressions" && <Suppressions onClose={() => setDialog(null)} />}
    </>
  );
}

/** What keeps a message that is due from being sent. */
function obstacleOf({ paused, couriers }: Stats): string | null {
  if (paused) return "when mail is resumed";
  if (couriers.every((courier) => courier.breaker !== "closed")) return "when the SMTP server can be used again";
  return null;
}

/** Announces when mail stops and when it goes again. The figures change all the time and are not announced. */
function useAnnouncedCondition(stats: Stats, { failingSince }: Poll<Stats>): void {
  const announce = useAnnounce();
  const condition = conditionOf(stats, failingSince !== null);
  const before = useRef(condition);
  const say = useEffectEvent(announce);
  useEffect(() => {
    if (condition === before.current) return;
    before.current = condition;
    say(condition);
  }, [condition]);
}

function conditionOf({ paused, couriers }: Stats, lost: boolean): string {
  if (lost) return "The connection is lost: the figures are old.";
  if (paused) return "Mail is paused.";
  if (couriers.length === 0) return "No courier is running: nothing is being sent.";
  if (couriers.some((courier) => courier.breaker !== "closed")) return "The SMTP server cannot be used.";
  return "Mail is being sent.";
}
