import { emailChangeConfirmationEmail } from "../../emails/email-change-confirmation.tsx";
import { formatDuration, formatName } from "../../emails/format.ts";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./context.ts";

/** To the new address. */
export const emailChangeConfirmation = (context: MailerContext) =>
  accountMailer("email_change_confirmation", emailChangeConfirmationEmail, context, (message) => ({
    name: formatName(message.recipientName),
    link: linkOf(message, `${context.config.publicUrl}/confirm_email`, "token", context),
    duration: formatDuration(linkSeconds(message), message.locale),
  }));
