/** Every letter with words to look at it: for the preview and the tests. A kind without a letter is a type error. */
import type { Brand } from "../src/config.ts";
import type { KindName, Locale } from "../src/mail/kinds.ts";
import type { LetterTemplate } from "../src/mail/courier/render.ts";
import { emailChangeLetter } from "./email-change-confirmation.tsx";
import { emailChangingLetter } from "./email-change-notice.tsx";
import { emailVerificationLetter } from "./email-verification.tsx";
import { formatAddress, formatBrowser, formatDuration, formatMoment, formatName, formatWay } from "./format.ts";
import { invitationLetter } from "./invitation.tsx";
import { passwordChangedLetter } from "./password-changed.tsx";
import { passwordResetLetter } from "./password-reset.tsx";
import { registrationKnownLetter } from "./registration-duplicate.tsx";
import { welcomeLetter } from "./welcome.tsx";

export interface Sample {
  readonly template: LetterTemplate;
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
  template: LetterTemplate<Field>,
  words: (locale: Locale) => Record<Field, string>,
): Sample => ({ template, words });

export const SAMPLES: Readonly<Record<KindName, Sample>> = {
  password_reset: sample(passwordResetLetter, (locale) => ({
    name,
    link: `${SITE}/reset_password?pwd_reset_token=${TOKEN}`,
    duration: formatDuration(600, locale),
    requestedAt: at(locale),
    ...client(locale),
  })),
  password_changed: sample(passwordChangedLetter, (locale) => ({
    name,
    way: formatWay("owner", locale),
    resetUrl: `${SITE}/reset_password`,
    changedAt: at(locale),
    ...client(locale),
  })),
  invitation: sample(invitationLetter, (locale) => ({
    name,
    link: `${SITE}/reset_password?pwd_reset_token=${TOKEN}`,
    duration: formatDuration(72 * HOUR, locale),
    username: "pam-beesly",
    inviter: formatName("Michael Scott"),
  })),
  welcome: sample(welcomeLetter, () => ({ name, username: "pam-beesly", signInUrl: SITE })),
  email_verification: sample(emailVerificationLetter, (locale) => ({
    name,
    link: `${SITE}/confirm_email?token=${TOKEN}`,
    duration: formatDuration(DAY, locale),
  })),
  email_change: sample(emailChangeLetter, (locale) => ({
    name,
    link: `${SITE}/confirm_email?token=${TOKEN}`,
    duration: formatDuration(HOUR, locale),
  })),
  email_changing: sample(emailChangingLetter, (locale) => ({
    name,
    link: `${SITE}/freeze_account?token=${TOKEN}`,
    duration: formatDuration(7 * DAY, locale),
    newAddressMasked: "p…@example.com",
    requestedAt: at(locale),
    ...client(locale),
  })),
  registration_known: sample(registrationKnownLetter, (locale) => ({
    name,
    resetUrl: `${SITE}/reset_password`,
    requestedAt: at(locale),
    ...client(locale),
  })),
};
