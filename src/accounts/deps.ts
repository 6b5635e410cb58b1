import type { Config } from "../config.ts";
import type { Database } from "../db/client.ts";
import type { Log } from "../log.ts";
import type { Outbox } from "../mail/outbox.ts";
import type { LoginThrottle } from "./login-throttle.ts";
import type { PasswordHasher } from "./passwords.ts";
import type { Keyring } from "./keyring.ts";

/** What use cases need. `main.ts` creates it, and tests create their own. */
export interface Deps {
  readonly config: Config;
  readonly db: Database;
  readonly outbox: Outbox;
  readonly keyring: Keyring;
  readonly hasher: PasswordHasher;
  readonly throttle: LoginThrottle;
  readonly log: Log;
}
