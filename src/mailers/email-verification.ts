import { emailVerificationEmail } from "../../emails/email-verification.tsx";
import { formatDuration, formatName } from "../../emails/format.ts";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./context.ts";

export const emailVerification = (context: MailerContext) =>
  accountMailer("email_verification", emailVerificationEmail, context, (message) => ({
    name: formatName(message.recipientName),
    link: linkOf(message, `${context.config.publicUrl}/confirm_email`, "token", context),
    duration: formatDuration(linkSeconds(message), message.locale),
  }));
