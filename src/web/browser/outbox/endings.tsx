import type { Go } from "./address.ts";
import type { Ended } from "./api.ts";
import { StateBadge } from "./state-badge.tsx";
import { count } from "../ui/words.ts";

interface EndingsProps {
  readonly ended: readonly Ended[];
  readonly go: Go;
}

/** How many messages ended in which way. Each line leads to its messages. */
export function Endings({ ended, go }: EndingsProps) {
  const most = Math.max(...ended.map((one) => one.count));
  return (
    <section className="panel endings" aria-labelledby="endings-title">
      <h2 id="endings-title">
        Ended <span className="quiet">last 24 h</span>
      </h2>
      {ended.length === 0 ? (
        <p className="empty">No message has ended yet.</p>
      ) : (
        <ul className="ended">
          {ended.map(({ state, reason, count: number }) => (
            <li key={`${state} ${reason}`}>
              <button
                type="button"
                className="ended-line"
                title="Show these messages"
                onClick={() => {
                  go({ state, reason: reason ?? "", time: "24h", since: "", until: "" });
                  document.getElementById("messages-title")?.focus();
                }}
              >
                <StateBadge state={state} reason={reason} />
                <span className="number">{count(number)}</span>
                <meter className="bar-meter" data-state={state} min={0} max={most} value={number} aria-hidden="true" />
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
