import { createIncident } from "../../incident.ts";
import type { Log } from "../../log.ts";
import type { BreakerState } from "./breaker.ts";

/**
 * Logs what moves a breaker: the outage at `error` when it begins and when it ends, and the server's words when they
 * change. Each probe moves the breaker twice, and an outage of a day has thousands.
 */
export function createBreakerLog(log: Log): (state: BreakerState) => void {
  const outage = createIncident(log, "smtp_unusable", "no email is sent: the SMTP server cannot be used");
  let words: string | null = null;
  return (state) => {
    if (state.breaker === "closed") {
      outage.end();
      words = null;
      return;
    }
    outage.begin(state.lastReply);
    if (state.lastReply === words) return;
    words = state.lastReply;
    log.warn({ event: "breaker", ...state }, "the SMTP circuit breaker moved");
  };
}
