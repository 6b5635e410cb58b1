import { formatName } from "../../emails/format.ts";
import { welcomeLetter } from "../../emails/welcome.tsx";
import { accountMailer } from "./account-mailer.ts";
import type { MailerContext } from "./mailers.ts";

export const welcome = (context: MailerContext) =>
  accountMailer("welcome", welcomeLetter, context, ({ message, pinned }) => ({
    name: formatName(pinned.recipientName),
    username: message.props?.["username"] ?? "",
    signInUrl: context.config.publicUrl,
  }));
