/** Every kind's mailer: one that is missing is a type error. Only the courier thread loads this. */
import type { Config } from "../config.ts";
import { createKeyring } from "../accounts/keyring.ts";
import type { KindName } from "../mail/kinds.ts";
import type { Mailer } from "../mail/mailer.ts";
import type { MailerContext } from "./context.ts";
import { emailChangeConfirmation } from "./email-change-confirmation.ts";
import { emailChangeNotice } from "./email-change-notice.ts";
import { emailChanged } from "./email-changed.ts";
import { emailVerification } from "./email-verification.ts";
import { invitation } from "./invitation.ts";
import { passwordChanged } from "./password-changed.ts";
import { passwordReset } from "./password-reset.ts";
import { registration } from "./registration.ts";
import { registrationDuplicate } from "./registration-duplicate.ts";
import { superuserChanged } from "./superuser-changed.ts";
import { welcome } from "./welcome.ts";

const MAILERS: Readonly<Record<KindName, (context: MailerContext) => Mailer>> = {
  password_reset: passwordReset,
  password_changed: passwordChanged,
  invitation,
  welcome,
  registration,
  email_verification: emailVerification,
  email_change_confirmation: emailChangeConfirmation,
  email_change_notice: emailChangeNotice,
  email_changed: emailChanged,
  superuser_changed: superuserChanged,
  registration_duplicate: registrationDuplicate,
};

export function createMailers(config: Config): ReadonlyMap<string, Mailer> {
  const context: MailerContext = { config, keyring: createKeyring(config) };
  return new Map(Object.entries(MAILERS).map(([kind, make]) => [kind, make(context)]));
}
