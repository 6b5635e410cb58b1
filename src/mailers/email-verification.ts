import { emailVerificationLetter } from "../../emails/email-verification.tsx";
import { formatDuration, formatName } from "../../emails/format.ts";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./mailers.ts";

export const emailVerification = (context: MailerContext) =>
  accountMailer("email_verification", emailVerificationLetter, context, (letter) => ({
    name: formatName(letter.pinned.recipientName),
    link: linkOf(letter, `${context.config.publicUrl}/confirm_email`, "token", context),
    duration: formatDuration(linkSeconds(letter), letter.pinned.locale),
  }));
