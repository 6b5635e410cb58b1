/** What a kind of mail is to the courier: whom it goes to, what it says. Each is a file in `mailers/`. */
import type { SqlTransaction } from "../db/client.ts";
import type { KindName } from "./kinds.ts";
import type { DropReason, FailReason } from "./outcome.ts";
import type { Pinned, QueuedMessage } from "./transitions.ts";
import type { LetterTemplate } from "./courier/render.ts";

/** What prepare decided about one picked message. */
export type Verdict =
  | { readonly type: "send"; readonly pinned: Pinned }
  | { readonly type: "end"; readonly reason: DropReason | FailReason; readonly userId: string | null }
  /** It takes over the place and the backoff of an older letter. */
  | { readonly type: "postpone"; readonly dueAt: Date; readonly tries: number; readonly userId: string | null }
  /** Its account is locked by a transaction of somebody else: look again at the next poll. */
  | { readonly type: "skip" };

/** A letter that is leased: what render needs. */
export interface Letter {
  readonly message: QueuedMessage;
  readonly pinned: Pinned;
  /** For an operator's eyes: its link opens nothing. */
  readonly preview?: boolean;
}

export interface Mailer {
  readonly kind: KindName;
  readonly template: LetterTemplate;
  /** Decides about picked messages of this kind, in the claim's transaction. Idempotent. */
  prepare(tx: SqlTransaction, messages: readonly QueuedMessage[]): Promise<Map<string, Verdict>>;
  /** The words that fill the template's fields. */
  values(letter: Letter): Record<string, string>;
}
