import type { Address } from "../addresses.ts";
import type { Deps } from "./deps.ts";
import type { RequestContext } from "./caller.ts";

/**
 * Commits the request and returns. Nothing is looked up here, so that an address with an account and one without cost
 * the same and answer the same (R1, R2); the courier finds the account.
 *
 * @throws {Unavailable} when the database does not commit it, for known and unknown addresses alike.
 */
export async function requestPasswordReset(deps: Deps, email: Address, context: RequestContext): Promise<void> {
  await deps.outbox.accept({ kind: "password_reset", email, ...context });
}
