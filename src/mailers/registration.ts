import { formatAddress, formatBrowser, formatDuration, formatMoment } from "../../emails/format.ts";
import { registrationDuplicateEmail } from "../../emails/registration-duplicate.tsx";
import { registrationEmail } from "../../emails/registration.tsx";
import type { Mailer } from "../mail/mailer.ts";
import type { MailerContext } from "./context.ts";
import { linkOf, linkSeconds } from "./links.ts";
import { prepareRegistrations } from "./prepare-registrations.ts";

/** To an address without an account. It repeats nothing that was typed, because anyone can type anything. */
export const registration = (context: MailerContext): Mailer => ({
  kind: "registration",
  template: registrationEmail,
  prepare: (tx, messages) =>
    prepareRegistrations(tx, registrationEmail.version, registrationDuplicateEmail.version, messages, context),
  values: (message) => ({
    link: linkOf(message, `${context.config.publicUrl}/complete_registration`, "token", context),
    duration: formatDuration(linkSeconds(message), message.locale),
    ip: formatAddress(message.clientIp, message.locale),
    browser: formatBrowser(message.clientBrowser, message.locale),
    requestedAt: formatMoment(message.createdAt, message.locale, context.config.timeZone),
  }),
});
