import { formatAddress, formatBrowser, formatDuration, formatMoment } from "../../emails/format.ts";
import { passwordResetLetter } from "../../emails/password-reset.tsx";
import type { Mailer } from "../mail/mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./mailers.ts";
import { prepareLetters } from "./prepare.ts";

export const passwordReset = (context: MailerContext): Mailer => ({
  kind: "password_reset",
  template: passwordResetLetter,
  prepare: (tx, messages) => prepareLetters(tx, "password_reset", passwordResetLetter.version, messages, context),
  values: (letter) => {
    const { message, pinned } = letter;
    return {
      name: pinned.recipientName,
      link: linkOf(letter, context.config.resetUrl, "pwd_reset_token", context),
      duration: formatDuration(linkSeconds(letter), pinned.locale),
      ip: formatAddress(message.clientIp, pinned.locale),
      browser: formatBrowser(message.clientBrowser, pinned.locale),
      requestedAt: formatMoment(message.createdAt, pinned.locale),
    };
  },
});
