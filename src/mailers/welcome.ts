import { formatName } from "../../emails/format.ts";
import { welcomeEmail } from "../../emails/welcome.tsx";
import { accountMailer } from "./account-mailer.ts";
import type { MailerContext } from "./context.ts";

export const welcome = (context: MailerContext) =>
  accountMailer("welcome", welcomeEmail, context, (message) => ({
    name: formatName(message.recipientName),
    username: message.props?.["username"] ?? "",
    signInUrl: context.config.brand.appUrl ?? `${context.config.publicUrl}/`,
  }));
