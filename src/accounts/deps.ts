import type { Config } from "../config.ts";
import type { Database } from "../db/client.ts";
import type { Log } from "../log.ts";
import type { Outbox } from "../mail/outbox.ts";
import { createKeyring, type Keyring } from "./keyring.ts";
import { createLoginThrottle, type LoginThrottle } from "./login-throttle.ts";
import { createPasswordHasher, type PasswordHasher } from "./passwords.ts";

/** What use cases need. */
export interface Deps {
  readonly config: Config;
  readonly db: Database;
  readonly outbox: Outbox;
  readonly keyring: Keyring;
  readonly hasher: PasswordHasher;
  readonly throttle: LoginThrottle;
  readonly log: Log;
}

/** @param opened The caller closes these. */
export const createDeps = async (config: Config, opened: Pick<Deps, "db" | "outbox" | "log">): Promise<Deps> => ({
  config,
  keyring: createKeyring(config),
  hasher: await createPasswordHasher(),
  throttle: createLoginThrottle(opened.db, config),
  ...opened,
});
