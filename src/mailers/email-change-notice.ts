import { emailChangeNoticeEmail } from "../../emails/email-change-notice.tsx";
import { formatAddress, formatBrowser, formatDuration, formatMoment, formatName } from "../../emails/format.ts";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./context.ts";

/** To the old address, with the link that stops it. */
export const emailChangeNotice = (context: MailerContext) =>
  accountMailer("email_change_notice", emailChangeNoticeEmail, context, (prepared) => {
    const { message, pinned } = prepared;
    return {
      name: formatName(pinned.recipientName),
      link: linkOf(prepared, `${context.config.publicUrl}/freeze_account`, "token", context),
      duration: formatDuration(linkSeconds(prepared), pinned.locale),
      newAddressMasked: message.props?.["newAddressMasked"] ?? "",
      ip: formatAddress(message.clientIp, pinned.locale),
      browser: formatBrowser(message.clientBrowser, pinned.locale),
      requestedAt: formatMoment(message.createdAt, pinned.locale),
    };
  });
