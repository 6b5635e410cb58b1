import { formatAddress, formatBrowser, formatMoment, formatName, formatWay } from "../../emails/format.ts";
import { passwordChangedEmail } from "../../emails/password-changed.tsx";
import { accountMailer } from "./account-mailer.ts";
import type { MailerContext } from "./context.ts";

export const passwordChanged = (context: MailerContext) =>
  accountMailer("password_changed", passwordChangedEmail, context, ({ message, pinned }) => ({
    name: formatName(pinned.recipientName),
    way: formatWay(message.props?.["way"] ?? "", pinned.locale),
    ip: formatAddress(message.clientIp, pinned.locale),
    browser: formatBrowser(message.clientBrowser, pinned.locale),
    changedAt: formatMoment(message.createdAt, pinned.locale),
    // The page without a token: it asks for an address.
    resetUrl: context.config.resetUrl,
  }));
