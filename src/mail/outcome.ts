/** What became of one attempt, and what that does to its message. Pure. */
import type { FailReason, Phase } from "../db/states.ts";
import { backoffSeconds } from "./backoff.ts";
import { KINDS, type KindName } from "./kinds.ts";

/** The server's words, as they may be stored: see `redactReply`. */
export interface SmtpReply {
  readonly phase: Phase | null;
  readonly code: number | null;
  readonly reply: string;
}

export type Outcome =
  | ({ readonly type: "sent" } & SmtpReply)
  | ({ readonly type: "deferred" } & SmtpReply)
  | ({ readonly type: "rejected" } & SmtpReply)
  /** `crashed`: its courier stopped while it prepared, rendered or handed over this message. */
  | ({ readonly type: "unknown"; readonly crashed?: boolean } & SmtpReply)
  | ({ readonly type: "transport_down" } & SmtpReply)
  | ({ readonly type: "render_error" } & SmtpReply)
  /** The drain or the breaker handed the message back unsent. */
  | { readonly type: "released" };

/** Three unknown outcomes: by then the email is there, or something is wrong that a fourth copy would not fix. */
const MAX_UNKNOWNS = 3;
/** A template that fails three times is broken, not unlucky. */
const MAX_RENDER_ERRORS = 3;
/** The first crash may be chance. From then on the message is handed over alone, so the second crash is its own. */
const MAX_CRASHES = 2;
/** The largest `integer`. */
const MAX_COUNT = 2_147_483_647;

export interface Counters {
  readonly kind: KindName;
  readonly tries: number;
  readonly unknowns: number;
  readonly renderErrors: number;
  readonly crashes: number;
}

export interface Settlement {
  readonly state: "queued" | "sent" | "failed";
  readonly reason: FailReason | null;
  /** The delay until the next attempt, in seconds; null keeps `due_at` as it was. */
  readonly delaySeconds: number | null;
  readonly tries: number;
  readonly unknowns: number;
  readonly renderErrors: number;
  readonly crashes: number;
}

/** @param random from 0 to 1, for the jitter. */
export function settlementOf(before: Counters, outcome: Outcome, random: number): Settlement {
  const { tries, unknowns, renderErrors, crashes } = before;
  const kept = { tries, unknowns, renderErrors, crashes };
  const counted = { ...kept, tries: more(tries) };
  const again = (counters: typeof kept): Settlement => ({
    state: "queued",
    reason: null,
    delaySeconds: backoffSeconds(KINDS[before.kind].backoff, counters.tries, random),
    ...counters,
  });
  const failed = (reason: FailReason, counters: typeof kept): Settlement => ({
    state: "failed",
    reason,
    delaySeconds: null,
    ...counters,
  });
  switch (outcome.type) {
    case "sent":
      return { state: "sent", reason: null, delaySeconds: null, ...counted };
    case "rejected":
      return failed("rejected", counted);
    case "deferred":
      return again(counted);
    case "unknown": {
      const counters = { ...counted, unknowns: more(unknowns), crashes: outcome.crashed ? more(crashes) : crashes };
      if (counters.crashes >= MAX_CRASHES) return failed("crashed", counters);
      return counters.unknowns >= MAX_UNKNOWNS ? failed("unconfirmed", counters) : again(counters);
    }
    case "render_error": {
      const counters = { ...counted, renderErrors: more(renderErrors) };
      return counters.renderErrors >= MAX_RENDER_ERRORS ? failed("render_error", counters) : again(counters);
    }
    case "transport_down":
    case "released":
      // Our fault, not the email's: it keeps its place in the queue and its backoff.
      return { state: "queued", reason: null, delaySeconds: null, ...kept };
  }
}

const more = (count: number): number => Math.min(count + 1, MAX_COUNT);

/** A reply code as it is stored: three digits (RFC 5321 §4.2); null for what a broken server says instead. */
export const storedCode = (code: number | null): number | null =>
  code !== null && Number.isInteger(code) && code >= 100 && code <= 999 ? code : null;

/**
 * A server's reply as it may be stored and shown: at most 500 characters, no controls, and nothing that could be a
 * link or a token, because some servers quote the email back.
 */
export function redactReply(reply: string): string {
  return (
    reply
      // oxlint-disable-next-line no-control-regex
      .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]+/g, " ")
      .replace(/https?:\/\/\S+/gi, "[link]")
      .replace(/[A-Za-z0-9_=-]{32,}/g, "[token]")
      .replace(/\s+/g, " ")
      .trim()
      .slice(0, 500)
  );
}
