import { formatAddress, formatBrowser, formatDuration, formatMoment, formatName } from "../../emails/format.ts";
import { passwordResetEmail } from "../../emails/password-reset.tsx";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./context.ts";

export const passwordReset = (context: MailerContext) =>
  accountMailer("password_reset", passwordResetEmail, context, (prepared) => {
    const { message, pinned } = prepared;
    return {
      name: formatName(pinned.recipientName),
      link: linkOf(prepared, context.config.resetUrl, "pwd_reset_token", context),
      duration: formatDuration(linkSeconds(prepared), pinned.locale),
      ip: formatAddress(message.clientIp, pinned.locale),
      browser: formatBrowser(message.clientBrowser, pinned.locale),
      requestedAt: formatMoment(message.createdAt, pinned.locale),
    };
  });
