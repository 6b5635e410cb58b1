import type { Config } from "../config.ts";
import type { Locale } from "../mail/kinds.ts";
import type { Client } from "../mail/outbox.ts";

/** Where a request came from. Emails and the audit log show it. */
export interface RequestContext {
  readonly client: Client;
  readonly locale: Locale;
  readonly requestId: string | null;
  /** The span of the request (W3C Trace Context §3.2), when it is traced. */
  readonly traceparent?: string | null;
}

/**
 * The context of an email to another person than the one who causes it. The language of an administrator's browser is
 * not the language of that person, so the default is used unless the account has a language. The administrator's address
 * and browser are left out: what is kept about a person's emails is in that person's export. The audit log has them.
 */
export const contextForOthers = (context: RequestContext, config: Pick<Config, "defaultLocale">): RequestContext => ({
  ...context,
  client: { ip: null, browser: null },
  locale: config.defaultLocale,
});

/** The account and the session that an access token belongs to. */
export interface Caller {
  readonly userId: string;
  readonly username: string;
  readonly sessionId: string;
  readonly superuser: boolean;
}

/** Accounts that are made in this department, or moved into it, are superusers unless the request says otherwise. */
export const SUPERUSER_DEPT = "management";
