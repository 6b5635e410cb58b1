import { formatAddress, formatBrowser, formatMoment, formatName } from "../../emails/format.ts";
import { registrationKnownLetter } from "../../emails/registration-duplicate.tsx";
import { accountMailer } from "./account-mailer.ts";
import type { MailerContext } from "./mailers.ts";

export const registrationKnown = (context: MailerContext) =>
  accountMailer("registration_known", registrationKnownLetter, context, ({ message, pinned }) => ({
    name: formatName(pinned.recipientName),
    resetUrl: context.config.resetUrl,
    ip: formatAddress(message.clientIp, pinned.locale),
    browser: formatBrowser(message.clientBrowser, pinned.locale),
    requestedAt: formatMoment(message.createdAt, pinned.locale),
  }));
