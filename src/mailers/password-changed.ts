import { formatAddress, formatBrowser, formatMoment, formatWay } from "../../emails/format.ts";
import { passwordChangedLetter } from "../../emails/password-changed.tsx";
import type { Mailer } from "../mail/mailer.ts";
import type { MailerContext } from "./mailers.ts";
import { prepareLetters } from "./prepare.ts";

export const passwordChanged = (context: MailerContext): Mailer => ({
  kind: "password_changed",
  template: passwordChangedLetter,
  prepare: (tx, messages) => prepareLetters(tx, "password_changed", passwordChangedLetter.version, messages, context),
  values: ({ message, pinned }) => ({
    name: pinned.recipientName,
    way: formatWay(message.props?.["way"] ?? "", pinned.locale),
    ip: formatAddress(message.clientIp, pinned.locale),
    browser: formatBrowser(message.clientBrowser, pinned.locale),
    changedAt: formatMoment(message.createdAt, pinned.locale),
    // The page without a token: it asks for an address.
    resetUrl: context.config.resetUrl,
  }),
});
