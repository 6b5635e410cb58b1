import { emailChangeNoticeEmail } from "../../emails/email-change-notice.tsx";
import { formatAddress, formatBrowser, formatDuration, formatMoment, formatName } from "../../emails/format.ts";
import { accountMailer } from "./account-mailer.ts";
import { linkOf, linkSeconds } from "./links.ts";
import type { MailerContext } from "./context.ts";

/** To the old address, with the link that stops it. */
export const emailChangeNotice = (context: MailerContext) =>
  accountMailer("email_change_notice", emailChangeNoticeEmail, context, (message) => {
    return {
      name: formatName(message.recipientName),
      link: linkOf(message, `${context.config.publicUrl}/freeze_account`, "token", context),
      duration: formatDuration(linkSeconds(message), message.locale),
      newAddressMasked: message.props?.["newAddressMasked"] ?? "",
      ip: formatAddress(message.clientIp, message.locale),
      browser: formatBrowser(message.clientBrowser, message.locale),
      requestedAt: formatMoment(message.createdAt, message.locale, context.config.timeZone),
    };
  });
