/** The calls of the API that this page makes, and the shapes of their answers (`http/messages.ts`). */
import { createContext, useContext } from "react";
import type { BreakerPosition, MessageState, Reason } from "../../../db/states.ts";
import type { Finding } from "../../../doctor/finding.ts";
import type { KindName, Lane } from "../../../mail/kinds.ts";
import type { Client } from "../ui/client.ts";

/** Times are ISO 8601. */
export interface Stats {
  readonly queued: Readonly<Record<Lane, number>>;
  readonly sending: number;
  readonly orphaned: number;
  readonly oldest_due_seconds: number | null;
  readonly oldest_due_seconds_by_lane: Readonly<Record<Lane, number | null>>;
  readonly latency_seconds: { readonly p50: number | null; readonly p99: number | null };
  readonly ended: readonly Ended[];
  readonly minutes: readonly Minute[];
  /** Why email does not go out as it should; empty when it does. */
  readonly degraded: readonly { readonly reason: string; readonly text: string }[];
  readonly paused: { readonly at: string; readonly by: string | null } | null;
  readonly couriers: readonly CourierState[];
}

export interface Ended {
  readonly state: MessageState;
  readonly reason: Reason | null;
  readonly count: number;
}

export interface Minute {
  readonly at: string;
  readonly accepted: number;
  readonly sent: number;
}

export interface CourierState {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly breaker: BreakerPosition;
  readonly last_reply: string | null;
  readonly seen_at: string;
  readonly until: string | null;
}

export interface MessageSummary {
  readonly id: string;
  readonly kind: KindName;
  readonly lane: Lane;
  readonly state: MessageState;
  readonly reason: Reason | null;
  readonly recipient: string | null;
  readonly username: string | null;
  readonly attempts: number;
  readonly created_at: string;
  readonly due_at: string | null;
  readonly ended_at: string | null;
  readonly retry_of: string | null;
}

export interface TimelineEntry {
  readonly at: string;
  readonly event: "requested" | "committed" | "attempt" | "sent" | "failed" | "dropped" | "link_used" | "link_revoked";
  readonly text: string;
  readonly attempt: {
    readonly number: number;
    readonly started_at: string;
    readonly outcome: string | null;
    readonly phase: string | null;
    readonly reply: string | null;
  } | null;
}

export interface MessageTimeline extends MessageSummary {
  readonly request_id: string | null;
  readonly expires_at: string;
  readonly link_expires_at: string | null;
  readonly last_reply: string | null;
  readonly timeline: readonly TimelineEntry[];
}

export interface PreparedMessage {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

export interface Suppression {
  readonly email: string;
  readonly note: string | null;
  readonly created_by: string;
  readonly created_at: string;
}

export interface MessageFilter {
  readonly state: string;
  readonly reason: string;
  readonly kind: string;
  /** A part of an address, name or username. */
  readonly search: string;
  /** ISO 8601. */
  readonly since: string;
  readonly until: string;
}

export type BulkAction = "retry" | "cancel";

/** How many messages match and allow each action. */
export type Matching = Readonly<Record<BulkAction, number>>;

/** What an operator did to the mail. */
export interface OperatorAction {
  readonly id: string;
  readonly at: string;
  readonly action: string;
  /** Null at the command line, and for an account that was deleted since. */
  readonly actor: string | null;
  readonly details: Readonly<Record<string, string>> | null;
}

export interface MessagePage {
  readonly items: readonly MessageSummary[];
  /** Where the next page begins; null: this is the last. */
  readonly next: string | null;
}

const PAGE_SIZE = 50;

/** The fields of a filter that are set. */
const given = (filter: MessageFilter): Record<string, string> =>
  Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ""));

export type Api = ReturnType<typeof createApi>;

export function createApi({ now, get, post, page }: Client) {
  return {
    now,
    stats: (signal?: AbortSignal) => get<Stats>("/message/stats", signal),
    async messages(filter: MessageFilter, after: string | null, signal?: AbortSignal): Promise<MessagePage> {
      const query = new URLSearchParams({ ...given(filter), limit: String(PAGE_SIZE) });
      if (after !== null) query.set("after", after);
      return await page<MessageSummary>(`/message/?${query}`, signal);
    },
    message: (id: string, signal?: AbortSignal) => get<MessageTimeline>(`/message/${id}/`, signal),
    preview: (id: string, signal?: AbortSignal) => get<PreparedMessage>(`/message/${id}/preview`, signal),
    retry: (id: string) => post<MessageTimeline>(`/message/${id}/retry/`),
    cancel: (id: string) => post<MessageTimeline>(`/message/${id}/cancel/`),
    matching: (filter: MessageFilter, signal?: AbortSignal) =>
      get<Matching>(`/message/matching?${new URLSearchParams(given(filter))}`, signal),
    /** Applies the action to as many messages as one request can; the rest is for the next request. */
    applyToMatching: (action: BulkAction, filter: MessageFilter) =>
      post<{ readonly done: number; readonly remaining: number }>(`/message/${action}/`, given(filter)),
    checkUp: (signal?: AbortSignal) => get<readonly Finding[]>("/doctor/", signal),
    actions: (signal?: AbortSignal) => get<readonly OperatorAction[]>("/audit/?about=mail&limit=100", signal),
    pause: () => post("/message/pause/"),
    resume: () => post("/message/resume/"),
    suppressions: (signal?: AbortSignal) => get<Suppression[]>("/message/suppressed/", signal),
    suppress: (email: string, note: string) => post("/message/suppress/", note ? { email, note } : { email }),
    lift: (email: string) => post("/message/lift/", { email }),
  };
}

export const ApiContext = createContext<Api | null>(null);

export function useApi(): Api {
  const api = useContext(ApiContext);
  if (!api) throw new Error("There is no API around this component.");
  return api;
}
