import { emailChangedEmail } from "../../emails/email-changed.tsx";
import { formatMoment, formatName } from "../../emails/format.ts";
import { accountMailer } from "./account-mailer.ts";
import type { MailerContext } from "./context.ts";

/** To both addresses. Each sees the other one masked. */
export const emailChanged = (context: MailerContext) =>
  accountMailer("email_changed", emailChangedEmail, context, (message) => ({
    name: formatName(message.recipientName),
    username: message.props?.["username"] ?? "",
    oldAddressMasked: message.props?.["oldAddressMasked"] ?? "",
    newAddressMasked: message.props?.["newAddressMasked"] ?? "",
    changedAt: formatMoment(message.createdAt, message.locale, context.config.timeZone),
    // The page without a token: it asks for an address.
    resetUrl: context.config.resetUrl,
  }));
