import type { Effect } from "./effects.ts";
import type { AccountName, Ref } from "./refs.ts";
import type { Attack } from "./requests.ts";
import type { Reply, Wire } from "./wire.ts";
import type { Account } from "./world.ts";

/** One request of the attack, its answer and its effects. */
export interface Case {
  readonly attack: Attack;
  readonly wire: Wire;
  readonly reply: Reply;
  readonly effects: readonly Effect[];
  readonly logLines: readonly string[];
  readonly accounts: ReadonlyMap<AccountName, Account>;
  readonly valueOf: (ref: Ref) => string;
}
