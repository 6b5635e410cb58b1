import { formatDuration, formatName } from "../../emails/format.ts";
import { invitationEmail } from "../../emails/invitation.tsx";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./context.ts";

export const invitation = (context: MailerContext) =>
  accountMailer("invitation", invitationEmail, context, (prepared) => {
    const { message, pinned } = prepared;
    return {
      name: formatName(pinned.recipientName),
      link: linkOf(prepared, context.config.resetUrl, "pwd_reset_token", context),
      duration: formatDuration(linkSeconds(prepared), pinned.locale),
      username: message.props?.["username"] ?? "",
      inviter: formatName(message.props?.["inviter"] || context.config.brand.name),
    };
  });
