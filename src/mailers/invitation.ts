import { formatDuration } from "../../emails/format.ts";
import { invitationLetter } from "../../emails/invitation.tsx";
import type { Mailer } from "../mail/mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./mailers.ts";
import { prepareLetters } from "./prepare.ts";

export const invitation = (context: MailerContext): Mailer => ({
  kind: "invitation",
  template: invitationLetter,
  prepare: (tx, messages) => prepareLetters(tx, "invitation", invitationLetter.version, messages, context),
  values: (letter) => {
    const { message, pinned } = letter;
    return {
      name: pinned.recipientName,
      link: linkOf(letter, context.config.resetUrl, "pwd_reset_token", context),
      duration: formatDuration(linkSeconds(letter), pinned.locale),
      username: message.props?.["username"] ?? "",
      inviter: message.props?.["inviter"] || context.config.brand.name,
    };
  },
});
