import { emailVerificationEmail } from "../../emails/email-verification.tsx";
import { formatDuration, formatName } from "../../emails/format.ts";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./context.ts";

export const emailVerification = (context: MailerContext) =>
  accountMailer("email_verification", emailVerificationEmail, context, (prepared) => ({
    name: formatName(prepared.pinned.recipientName),
    link: linkOf(prepared, `${context.config.publicUrl}/confirm_email`, "token", context),
    duration: formatDuration(linkSeconds(prepared), prepared.pinned.locale),
  }));
