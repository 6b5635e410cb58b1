/** Every kind's mailer. Only the courier thread loads this. */
import type { Config } from "../config.ts";
import { createKeyring, type Keyring } from "../accounts/keyring.ts";
import type { Mailer } from "../mail/mailer.ts";
import { invitation } from "./invitation.ts";
import { passwordChanged } from "./password-changed.ts";
import { passwordReset } from "./password-reset.ts";
import { welcome } from "./welcome.ts";

export interface MailerContext {
  readonly config: Config;
  readonly keyring: Keyring;
}

export function createMailers(config: Config): ReadonlyMap<string, Mailer> {
  const context: MailerContext = { config, keyring: createKeyring(config) };
  const mailers = [passwordReset, passwordChanged, invitation, welcome].map((make) => make(context));
  return new Map(mailers.map((mailer) => [mailer.kind, mailer]));
}
