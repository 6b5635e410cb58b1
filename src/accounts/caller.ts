import type { Locale } from "../mail/kinds.ts";
import type { Client } from "../mail/outbox.ts";

/** Where a request came from. Emails and the audit log show it. */
export interface RequestContext {
  readonly client: Client;
  readonly locale: Locale;
  readonly requestId: string | null;
}

/** The account and the session that an access token belongs to. */
export interface Caller {
  readonly userId: string;
  readonly username: string;
  readonly sessionId: string;
  readonly superuser: boolean;
}

/** Accounts of this department are superusers: they may administer every account. */
export const SUPERUSER_DEPT = "management";
