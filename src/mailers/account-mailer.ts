import type { KindName } from "../mail/kinds.ts";
import type { EmailTemplate, Mailer } from "../mail/mailer.ts";
import type { PreparedMessage } from "../mail/transitions/queued.ts";
import type { MailerContext } from "./context.ts";
import { prepareMessages } from "./prepare.ts";

/** A mailer whose emails go to accounts, which all do today. @param values what fills each of the template's fields. */
export const accountMailer = <Field extends string>(
  kind: KindName,
  template: EmailTemplate<Field>,
  context: MailerContext,
  values: (message: PreparedMessage) => Record<Field, string>,
): Mailer => ({
  kind,
  template,
  prepare: (tx, messages) => prepareMessages(tx, kind, template.version, messages, context),
  values,
});
