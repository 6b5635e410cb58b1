/** The calls of the API that this page makes, and the shapes of their answers (`http/schemas.ts`). */
import { createContext, useContext } from "react";
import type { ImportReason } from "../../../accounts/import-problems.ts";
import type { AccountState, MessageState, Reason } from "../../../db/states.ts";
import type { KindName, Locale } from "../../../mail/kinds.ts";
import type { Client } from "../ui/client.ts";

/** Times are ISO 8601. */
export interface Person {
  readonly username: string;
  readonly name: string;
  readonly dept: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly state: AccountState;
  readonly superuser: boolean;
  readonly locale: Locale | null;
  readonly created_at: string;
  readonly last_login_at: string | null;
}

export interface PeopleFilter {
  /** A part of the name, the username or the address. */
  readonly search: string;
  readonly state: string;
  readonly dept: string;
}

export interface Device {
  readonly id: string;
  readonly created_at: string;
  readonly used_at: string;
  readonly ip: string | null;
  readonly browser: string | null;
}

export interface Email {
  readonly id: string;
  readonly kind: KindName;
  readonly state: MessageState;
  readonly reason: Reason | null;
  readonly recipient: string | null;
  readonly created_at: string;
  readonly due_at: string | null;
}

export interface EmailEvent {
  readonly at: string;
  readonly event: string;
  readonly attempt: {
    readonly number: number;
    readonly outcome: string | null;
    readonly reply: string | null;
  } | null;
}

export interface AuditEvent {
  readonly id: string;
  readonly at: string;
  readonly action: string;
  readonly actor: string | null;
  readonly ip: string | null;
  readonly browser: string | null;
  readonly details: Readonly<Record<string, string>> | null;
}

export interface NewPerson {
  readonly name: string;
  readonly email: string;
  readonly dept: string;
  readonly username?: string;
  readonly locale?: string;
  readonly superuser: boolean;
  readonly password?: string;
  readonly current_password?: string;
}

export interface ImportReport {
  readonly lines: number;
  readonly ignored_columns: readonly string[];
  readonly created: number;
  readonly skipped: number;
  readonly problems: readonly { readonly line: number; readonly reason: ImportReason; readonly problem: string }[];
  readonly rows: readonly {
    readonly line: number;
    readonly email: string;
    /** Null: the row is skipped. */
    readonly username: string | null;
    readonly superuser: boolean;
  }[];
  readonly next_line: number | null;
}

const PAGE_SIZE = 50;
const EMAILS_SHOWN = 20;
const EVENTS_SHOWN = 50;

export type Api = ReturnType<typeof createApi>;

export function createApi({ call, get, post, page }: Client) {
  const path = (username: string, rest = ""): string => `/user/${encodeURIComponent(username)}/${rest}`;
  return {
    people(filter: PeopleFilter, after: string | null, signal?: AbortSignal) {
      const query = new URLSearchParams({ search: filter.search, limit: String(PAGE_SIZE) });
      if (filter.state) query.set("state", filter.state);
      if (filter.dept) query.set("dept", filter.dept);
      if (after !== null) query.set("after", after);
      return page<Person>(`/user/?${query}`, signal);
    },
    person: (username: string, signal?: AbortSignal) => get<Person>(path(username), signal),
    devices: (username: string, signal?: AbortSignal) => get<readonly Device[]>(path(username, "session/"), signal),
    emails: (username: string, signal?: AbortSignal) =>
      get<readonly Email[]>(`/message/?${new URLSearchParams({ username, limit: String(EMAILS_SHOWN) })}`, signal),
    emailsTo: (address: string, signal?: AbortSignal) =>
      get<readonly Email[]>(
        `/message/?${new URLSearchParams({ recipient: address, limit: String(EMAILS_SHOWN) })}`,
        signal,
      ),
    timeline: async (id: string, signal?: AbortSignal) =>
      (await get<{ readonly timeline: readonly EmailEvent[] }>(`/message/${id}/`, signal)).timeline,
    history: (username: string, signal?: AbortSignal) =>
      get<readonly AuditEvent[]>(`/audit/?subject=${encodeURIComponent(username)}&limit=${EVENTS_SHOWN}`, signal),
    create: (person: NewPerson) => post<Person>("/user/", person),
    async change(username: string, changes: object): Promise<void> {
      await call(path(username), { method: "PATCH", body: changes });
    },
    async remove(username: string): Promise<void> {
      await call(path(username), { method: "DELETE" });
    },
    async endSessions(username: string): Promise<void> {
      await call(path(username, "session/"), { method: "DELETE" });
    },
    disable: (username: string) => post(path(username, "disable/")),
    enable: (username: string, email: string, password: string) =>
      post(path(username, "enable/"), {
        ...(email ? { email } : {}),
        ...(password ? { current_password: password } : {}),
      }),
    invite: (username: string) => post(path(username, "invitation/")),
    changeAddress: (username: string, email: string, password: string) =>
      post(path(username, "email/"), { email, current_password: password }),
    sendReset: (email: string) => post("/user/pwd_reset_token/", { email }),
    importFile: (file: {
      readonly csv: string;
      readonly invite: boolean;
      readonly dry_run?: boolean;
      readonly from_line?: number;
      readonly current_password?: string;
    }) => post<ImportReport>("/user/import/", file),
  };
}

export const ApiContext = createContext<Api | null>(null);

export function useApi(): Api {
  const api = useContext(ApiContext);
  if (!api) throw new Error("There is no API around this component.");
  return api;
}
