import type { KindName } from "../mail/kinds.ts";
import type { Letter, Mailer } from "../mail/mailer.ts";
import type { LetterTemplate } from "../mail/courier/render.ts";
import type { MailerContext } from "./mailers.ts";
import { prepareLetters } from "./prepare.ts";

/** A mailer whose letters go to accounts, which all do today. @param values what fills each of the template's fields. */
export const accountMailer = <Field extends string>(
  kind: KindName,
  template: LetterTemplate<Field>,
  context: MailerContext,
  values: (letter: Letter) => Record<Field, string>,
): Mailer => ({
  kind,
  template,
  prepare: (tx, messages) => prepareLetters(tx, kind, template.version, messages, context),
  values,
});
