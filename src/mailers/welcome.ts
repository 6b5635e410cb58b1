import { welcomeLetter } from "../../emails/welcome.tsx";
import type { Mailer } from "../mail/mailer.ts";
import type { MailerContext } from "./mailers.ts";
import { prepareLetters } from "./prepare.ts";

export const welcome = (context: MailerContext): Mailer => ({
  kind: "welcome",
  template: welcomeLetter,
  prepare: (tx, messages) => prepareLetters(tx, "welcome", welcomeLetter.version, messages, context),
  values: ({ message, pinned }) => ({ name: pinned.recipientName, username: message.props?.["username"] ?? "" }),
});
