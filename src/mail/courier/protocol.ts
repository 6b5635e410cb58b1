/** What the main thread and the courier thread say to each other: plain data only. */
import type { PoolUse } from "../../db/client.ts";
import type { Config } from "../../config.ts";
import type { BreakerState } from "./breaker.ts";

export type ToCourier =
  | {
      readonly type: "start";
      readonly config: Config;
      readonly databaseUrl: string;
      readonly smtpUrl: string;
    }
  /** Says how many requests were committed together. It is a hint: losing it costs a second. */
  | { readonly type: "nudge"; readonly accepted: number }
  | { readonly type: "ping" }
  | { readonly type: "preview"; readonly ticket: number; readonly messageId: string }
  | { readonly type: "metrics"; readonly ticket: number }
  | { readonly type: "drain" };

export type FromCourier =
  /** `threadId` is the kernel's, null where the platform has none to tell. */
  | { readonly type: "ready"; readonly courierId: string; readonly threadId: number | null }
  /** `stuckMs` says for how long a claim or the recording of outcomes has been under way without end; 0 for neither. */
  | { readonly type: "pong"; readonly stuckMs: number }
  | { readonly type: "breaker"; readonly state: BreakerState }
  /** Null when there is nothing to show. */
  | { readonly type: "preview"; readonly ticket: number; readonly email: PreviewedEmail | null }
  | { readonly type: "metrics"; readonly ticket: number; readonly metrics: ThreadMetrics }
  | { readonly type: "drained" };

export interface ThreadMetrics {
  /** In the text format of Prometheus; empty where metrics are not counted. */
  readonly text: string;
  readonly pool: PoolUse;
}

export interface PreviewedEmail {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}
