import { formatMoment, formatName, formatOperator, formatSuperuserChange } from "../../emails/format.ts";
import { superuserChangedEmail } from "../../emails/superuser-changed.tsx";
import { accountMailer } from "./account-mailer.ts";
import type { MailerContext } from "./context.ts";

export const superuserChanged = (context: MailerContext) =>
  accountMailer("superuser_changed", superuserChangedEmail, context, (message) => ({
    name: formatName(message.recipientName),
    change: formatSuperuserChange(message.props?.["change"] ?? "", message.locale),
    usernames: message.props?.["usernames"] ?? "",
    actor: message.props?.["actor"] || formatOperator(message.locale),
    changedAt: formatMoment(message.createdAt, message.locale, context.config.timeZone),
    // The page without a token: it asks for an address.
    resetUrl: context.config.resetUrl,
  }));
