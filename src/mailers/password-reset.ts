import { formatAddress, formatBrowser, formatDuration, formatMoment, formatName } from "../../emails/format.ts";
import { passwordResetEmail } from "../../emails/password-reset.tsx";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./context.ts";

export const passwordReset = (context: MailerContext) =>
  accountMailer("password_reset", passwordResetEmail, context, (message) => {
    return {
      name: formatName(message.recipientName),
      link: linkOf(message, context.config.resetUrl, "pwd_reset_token", context),
      duration: formatDuration(linkSeconds(message), message.locale),
      ip: formatAddress(message.clientIp, message.locale),
      browser: formatBrowser(message.clientBrowser, message.locale),
      requestedAt: formatMoment(message.createdAt, message.locale, context.config.timeZone),
    };
  });
