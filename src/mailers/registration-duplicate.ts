import { formatAddress, formatBrowser, formatMoment, formatName } from "../../emails/format.ts";
import { registrationDuplicateEmail } from "../../emails/registration-duplicate.tsx";
import { accountMailer } from "./account-mailer.ts";
import type { MailerContext } from "./context.ts";

export const registrationDuplicate = (context: MailerContext) =>
  accountMailer("registration_duplicate", registrationDuplicateEmail, context, ({ message, pinned }) => ({
    name: formatName(pinned.recipientName),
    resetUrl: context.config.resetUrl,
    ip: formatAddress(message.clientIp, pinned.locale),
    browser: formatBrowser(message.clientBrowser, pinned.locale),
    requestedAt: formatMoment(message.createdAt, pinned.locale),
  }));
