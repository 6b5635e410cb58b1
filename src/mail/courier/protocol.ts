/** What the main thread and the courier thread say to each other: plain data only. */
import type { Config } from "../../config.ts";
import type { BreakerState } from "./breaker.ts";

export type ToCourier =
  | {
      readonly type: "start";
      readonly config: Config;
      readonly databaseUrl: string;
      readonly smtpUrl: string;
      /** Requests are answered by this process, too. */
      readonly besideApi: boolean;
    }
  /** So many requests were committed together. A hint: losing it costs a second. */
  | { readonly type: "nudge"; readonly accepted: number }
  | { readonly type: "ping" }
  | { readonly type: "preview"; readonly ticket: number; readonly messageId: string }
  | { readonly type: "drain" };

export type FromCourier =
  | { readonly type: "ready"; readonly courierId: string }
  | { readonly type: "pong" }
  | { readonly type: "breaker"; readonly state: BreakerState }
  /** Null: there is nothing to show. */
  | { readonly type: "preview"; readonly ticket: number; readonly email: PreviewedEmail | null }
  | { readonly type: "drained" };

export interface PreviewedEmail {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}
