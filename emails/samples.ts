/** Every email with words to look at it: for the preview and the tests. A kind without an email is a type error. */
import type { Brand } from "../src/config.ts";
import type { KindName, Locale } from "../src/mail/kinds.ts";
import type { EmailTemplate } from "../src/mail/mailer.ts";
import { emailChangeConfirmationEmail } from "./email-change-confirmation.tsx";
import { emailChangeNoticeEmail } from "./email-change-notice.tsx";
import { emailVerificationEmail } from "./email-verification.tsx";
import { formatAddress, formatBrowser, formatDuration, formatMoment, formatName, formatWay } from "./format.ts";
import { invitationEmail } from "./invitation.tsx";
import { passwordChangedEmail } from "./password-changed.tsx";
import { passwordResetEmail } from "./password-reset.tsx";
import { registrationDuplicateEmail } from "./registration-duplicate.tsx";
import { welcomeEmail } from "./welcome.tsx";

export interface Sample {
  readonly template: EmailTemplate;
  readonly words: (locale: Locale) => Record<string, string>;
}

export const SAMPLE_BRAND: Brand = {
  name: "Dundie",
  color: "#1f5eff",
  logoUrl: null,
  supportAddress: "help@dm.com",
};

const SITE = "https://dundie.example";
const TOKEN = "kH3vPz0Yw2mQXf7eJr1uTnB5cGdLs9aVxIoE4RyWq8M";
const HOUR = 3600;
const DAY = 24 * HOUR;

const name = formatName("Pam Beesly");
const at = (locale: Locale): string => formatMoment(new Date("2026-11-25T14:03:00Z"), locale);
const client = (locale: Locale): Record<"ip" | "browser", string> => ({
  ip: formatAddress("203.0.113.7", locale),
  browser: formatBrowser("Firefox", locale),
});

/** Holds the sample to the template's fields. */
const sample = <Field extends string>(
  template: EmailTemplate<Field>,
  words: (locale: Locale) => Record<Field, string>,
): Sample => ({ template, words });

export const SAMPLES: Readonly<Record<KindName, Sample>> = {
  password_reset: sample(passwordResetEmail, (locale) => ({
    name,
    link: `${SITE}/reset_password?pwd_reset_token=${TOKEN}`,
    duration: formatDuration(600, locale),
    requestedAt: at(locale),
    ...client(locale),
  })),
  password_changed: sample(passwordChangedEmail, (locale) => ({
    name,
    way: formatWay("owner", locale),
    resetUrl: `${SITE}/reset_password`,
    changedAt: at(locale),
    ...client(locale),
  })),
  invitation: sample(invitationEmail, (locale) => ({
    name,
    link: `${SITE}/reset_password?pwd_reset_token=${TOKEN}`,
    duration: formatDuration(72 * HOUR, locale),
    username: "pam-beesly",
    inviter: formatName("Michael Scott"),
  })),
  welcome: sample(welcomeEmail, () => ({ name, username: "pam-beesly", signInUrl: SITE })),
  email_verification: sample(emailVerificationEmail, (locale) => ({
    name,
    link: `${SITE}/confirm_email?token=${TOKEN}`,
    duration: formatDuration(DAY, locale),
  })),
  email_change_confirmation: sample(emailChangeConfirmationEmail, (locale) => ({
    name,
    link: `${SITE}/confirm_email?token=${TOKEN}`,
    duration: formatDuration(HOUR, locale),
  })),
  email_change_notice: sample(emailChangeNoticeEmail, (locale) => ({
    name,
    link: `${SITE}/freeze_account?token=${TOKEN}`,
    duration: formatDuration(7 * DAY, locale),
    newAddressMasked: "p…@example.com",
    requestedAt: at(locale),
    ...client(locale),
  })),
  registration_duplicate: sample(registrationDuplicateEmail, (locale) => ({
    name,
    resetUrl: `${SITE}/reset_password`,
    requestedAt: at(locale),
    ...client(locale),
  })),
};
