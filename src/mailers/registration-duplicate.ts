import { formatAddress, formatBrowser, formatMoment, formatName } from "../../emails/format.ts";
import { registrationDuplicateEmail } from "../../emails/registration-duplicate.tsx";
import { accountMailer } from "./account-mailer.ts";
import type { MailerContext } from "./context.ts";

export const registrationDuplicate = (context: MailerContext) =>
  accountMailer("registration_duplicate", registrationDuplicateEmail, context, (message) => ({
    name: formatName(message.recipientName),
    resetUrl: context.config.resetUrl,
    ip: formatAddress(message.clientIp, message.locale),
    browser: formatBrowser(message.clientBrowser, message.locale),
    requestedAt: formatMoment(message.createdAt, message.locale, context.config.timeZone),
  }));
