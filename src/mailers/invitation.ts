import { formatDuration, formatName } from "../../emails/format.ts";
import { invitationEmail } from "../../emails/invitation.tsx";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./context.ts";

export const invitation = (context: MailerContext) =>
  accountMailer("invitation", invitationEmail, context, (message) => {
    return {
      name: formatName(message.recipientName),
      link: linkOf(message, context.config.resetUrl, "pwd_reset_token", context),
      duration: formatDuration(linkSeconds(message), message.locale),
      username: message.props?.["username"] ?? "",
      inviter: formatName(message.props?.["inviter"] || context.config.brand.name),
    };
  });
