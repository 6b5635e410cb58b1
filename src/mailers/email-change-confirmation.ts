import { emailChangeLetter } from "../../emails/email-change-confirmation.tsx";
import { formatDuration, formatName } from "../../emails/format.ts";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./mailers.ts";

/** To the new address. */
export const emailChange = (context: MailerContext) =>
  accountMailer("email_change", emailChangeLetter, context, (letter) => ({
    name: formatName(letter.pinned.recipientName),
    link: linkOf(letter, `${context.config.publicUrl}/confirm_email`, "token", context),
    duration: formatDuration(linkSeconds(letter), letter.pinned.locale),
  }));
