/** What every mailer is made with. */
import type { Keyring } from "../accounts/keyring.ts";
import type { Config } from "../config.ts";

export interface MailerContext {
  readonly config: Config;
  readonly keyring: Keyring;
}
