import { formatDuration, formatName } from "../../emails/format.ts";
import { invitationLetter } from "../../emails/invitation.tsx";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./mailers.ts";

export const invitation = (context: MailerContext) =>
  accountMailer("invitation", invitationLetter, context, (letter) => {
    const { message, pinned } = letter;
    return {
      name: formatName(pinned.recipientName),
      link: linkOf(letter, context.config.resetUrl, "pwd_reset_token", context),
      duration: formatDuration(linkSeconds(letter), pinned.locale),
      username: message.props?.["username"] ?? "",
      inviter: formatName(message.props?.["inviter"] || context.config.brand.name),
    };
  });
