import type { Locale } from "../mail/kinds.ts";
import type { Client } from "../mail/outbox.ts";

/** Where a request came from: what letters and the audit say of it. */
export interface Origin {
  readonly client: Client;
  readonly locale: Locale;
  readonly requestId: string | null;
}

/** Who is logged in. */
export interface Caller {
  readonly userId: string;
  readonly username: string;
  readonly sessionId: string;
  readonly superuser: boolean;
}

/** The chapter's rule: whoever is in this dept may do everything. */
export const SUPERUSER_DEPT = "management";
