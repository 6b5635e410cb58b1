import { formatAddress, formatBrowser, formatMoment, formatName, formatWay } from "../../emails/format.ts";
import { passwordChangedEmail } from "../../emails/password-changed.tsx";
import { accountMailer } from "./account-mailer.ts";
import type { MailerContext } from "./context.ts";

export const passwordChanged = (context: MailerContext) =>
  accountMailer("password_changed", passwordChangedEmail, context, (message) => ({
    name: formatName(message.recipientName),
    way: formatWay(message.props?.["way"] ?? "", message.locale),
    ip: formatAddress(message.clientIp, message.locale),
    browser: formatBrowser(message.clientBrowser, message.locale),
    changedAt: formatMoment(message.createdAt, message.locale, context.config.timeZone),
    // The page without a token: it asks for an address.
    resetUrl: context.config.resetUrl,
  }));
