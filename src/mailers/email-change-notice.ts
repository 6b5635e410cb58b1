import { emailChangingLetter } from "../../emails/email-change-notice.tsx";
import { formatAddress, formatBrowser, formatDuration, formatMoment, formatName } from "../../emails/format.ts";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./mailers.ts";

/** To the old address, with the link that stops it. */
export const emailChanging = (context: MailerContext) =>
  accountMailer("email_changing", emailChangingLetter, context, (letter) => {
    const { message, pinned } = letter;
    return {
      name: formatName(pinned.recipientName),
      link: linkOf(letter, `${context.config.publicUrl}/freeze_account`, "token", context),
      duration: formatDuration(linkSeconds(letter), pinned.locale),
      newAddressMasked: message.props?.["newAddressMasked"] ?? "",
      ip: formatAddress(message.clientIp, pinned.locale),
      browser: formatBrowser(message.clientBrowser, pinned.locale),
      requestedAt: formatMoment(message.createdAt, pinned.locale),
    };
  });
