import type { Reason } from "../../../db/states.ts";

/** What the reasons of the API mean for a message. */
const REASONS: Readonly<Record<Reason, string>> = {
  rejected: "The SMTP server refused it for good.",
  expired: "Its lifetime, or that of its link, ended before the SMTP server took it.",
  unconfirmed: "Three attempts ended without an answer: it may have arrived.",
  render_error: "Its template failed three times.",
  key_retired: "The key of its link is no longer configured.",
  crashed: "Two couriers stopped while they prepared, rendered or handed it over: it may have arrived.",
  unrecordable: "The database refuses to store what became of it: the log says why, and it may have arrived.",
  no_account: "There is no account with this address.",
  account_disabled: "The account is disabled.",
  superseded: "A newer message of this kind replaced it.",
  rate_limited: "The account has been sent as many of these emails as the limit allows.",
  suppressed: "An operator suppressed this address.",
  revoked: "The account's credentials changed after it was requested, so its link would not work.",
  cancelled: "An operator cancelled it.",
};

export const reasonMeans = (reason: Reason | null): string | null => reason && REASONS[reason];
