/** All that is held about one account, as JSON that can be written while it is read: an account may have much. */
import { eq, sql, type SQL } from "drizzle-orm";
import { user } from "../db/schema.ts";
import type { Deps } from "./deps.ts";
import { noSuchUser } from "./users.ts";

const PAGE_ROWS = 500;
/** Smaller than every id. */
const FIRST = "00000000-0000-0000-0000-000000000000";

interface Section {
  readonly name: string;
  /** Rows of one account after an id, in the order of `id`, as columns of the export. */
  readonly page: (userId: string, after: string) => SQL;
}

/** Named columns alone: hashes and digests open nothing, and are of no use to the person. */
const SECTIONS: readonly Section[] = [
  {
    name: "sessions",
    page: (userId, after) => sql`
      select id, ip, browser, created_at, used_at, expires_at, revoked_at, revoked_for
      from session where user_id = ${userId} and id > ${after}`,
  },
  {
    name: "links",
    page: (userId, after) => sql`
      select message_id as id, purpose, sent_to, created_at, expires_at, consumed_at, revoked_at
      from one_time_token where user_id = ${userId} and message_id > ${after}`,
  },
  {
    name: "messages",
    page: (userId, after) => sql`
      select id, kind, state, reason, request_id, requested_email, recipient, recipient_name, locale, client_ip,
        client_browser, props, created_at, dated_at, ended_at,
        coalesce((select jsonb_agg(jsonb_build_object('number', a.number, 'started_at', a.started_at,
            'ended_at', a.ended_at, 'outcome', a.outcome, 'reply', a.reply) order by a.number)
          from attempt a where a.message_id = message.id), '[]') as attempts
      from message where user_id = ${userId} and id > ${after}`,
  },
  {
    // Where another account acted, its address and browser are that person's and not this one's. The details of what this
    // account did to others name others: their addresses and usernames.
    name: "events",
    page: (userId, after) => sql`
      select id, at, action, actor_id, subject_id, request_id,
        case when subject_id = ${userId} then details end as details,
        case when actor_id is null or actor_id = ${userId} then ip end as ip,
        case when actor_id is null or actor_id = ${userId} then browser end as browser
      from audit_event where (subject_id = ${userId} or actor_id = ${userId}) and id > ${after}`,
  },
  {
    name: "suppressions",
    page: (userId, after) => sql`
      select s.email, s.note, s.created_at, u.id
      from suppression s join "user" u on u.email = s.email where u.id = ${userId} and u.id > ${after}`,
  },
];

/**
 * @returns JSON in pieces: the account, then each section page by page. A failure between them throws, which leaves the
 *   JSON without its end.
 * @throws {NotFound} before the first piece.
 */
export async function exportAccount(
  { db }: Pick<Deps, "db">,
  username: string,
): Promise<AsyncGenerator<string, void, void>> {
  const [account] = await db.orm.select().from(user).where(eq(user.username, username.toLowerCase()));
  if (!account) throw noSuchUser(username);
  return pieces(db, account);
}

async function* pieces(db: Deps["db"], account: typeof user.$inferSelect): AsyncGenerator<string, void, void> {
  const { id, passwordHash } = account;
  const about = {
    id,
    username: account.username,
    name: account.name,
    email: account.email,
    requested_email: account.requestedEmail,
    email_verified_at: account.emailVerifiedAt,
    dept: account.dept,
    superuser: account.superuser,
    avatar: account.avatar,
    bio: account.bio,
    currency: account.currency,
    locale: account.locale,
    state: account.state,
    has_password: passwordHash !== null,
    created_at: account.createdAt,
    last_login_at: account.lastLoginAt,
    disabled_at: account.disabledAt,
    frozen_at: account.frozenAt,
  };
  yield `{"exported_at":${JSON.stringify(new Date())},"account":${JSON.stringify(about)}`;
  for (const { name, page } of SECTIONS) {
    yield `,"${name}":[`;
    let first = true;
    for (let after = FIRST; ;) {
      const rows = await db.orm.execute<{ id: string; row: string }>(sql`
        select id, to_jsonb(r)::text as row from (${page(id, after)} order by id limit ${PAGE_ROWS}) r order by id`);
      for (const { row } of rows) {
        yield `${first ? "" : ","}\n${row}`;
        first = false;
      }
      after = rows.at(-1)?.id ?? after;
      if (rows.length < PAGE_ROWS) break;
    }
    yield "]";
  }
  yield "}\n";
}
