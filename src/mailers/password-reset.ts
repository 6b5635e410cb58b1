import { formatAddress, formatBrowser, formatDuration, formatMoment, formatName } from "../../emails/format.ts";
import { passwordResetLetter } from "../../emails/password-reset.tsx";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./mailers.ts";

export const passwordReset = (context: MailerContext) =>
  accountMailer("password_reset", passwordResetLetter, context, (letter) => {
    const { message, pinned } = letter;
    return {
      name: formatName(pinned.recipientName),
      link: linkOf(letter, context.config.resetUrl, "pwd_reset_token", context),
      duration: formatDuration(linkSeconds(letter), pinned.locale),
      ip: formatAddress(message.clientIp, pinned.locale),
      browser: formatBrowser(message.clientBrowser, pinned.locale),
      requestedAt: formatMoment(message.createdAt, pinned.locale),
    };
  });
