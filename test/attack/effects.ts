/** The rows that a request has changed, noted by triggers in the same transaction. */
import type { Sql } from "../../src/db/client.ts";

export interface Effect {
  readonly table: string;
  readonly change: "INSERT" | "UPDATE" | "DELETE";
  readonly before: Row | null;
  readonly after: Row | null;
  /** The id of the account that the row belongs to; null when it belongs to none. */
  readonly owner: string | null;
}

type Row = Readonly<Record<string, unknown>>;

/** `GET /health` writes a message and removes it in one transaction, to learn whether the database takes writes. */
const HEALTH_PROBE = "health_check";

const TABLES = [
  "user",
  "session",
  "refresh_token",
  "one_time_token",
  "message",
  "attempt",
  "login_throttle",
  "suppression",
  "mail_control",
  "audit_event",
];

/** Call it after the migrations. */
export async function watchEffects(sql: Sql): Promise<void> {
  await sql.unsafe(`
    create unlogged table effect (id bigint generated always as identity, name text, change text, before jsonb, after jsonb);
    create function note_effect() returns trigger language plpgsql as $$
    begin
      if tg_op = 'UPDATE' and old is not distinct from new then return null; end if;
      insert into effect (name, change, before, after) values (tg_table_name, tg_op,
        case when tg_op <> 'INSERT' then to_jsonb(old) end, case when tg_op <> 'DELETE' then to_jsonb(new) end);
      return null;
    end $$;`);
  for (const table of TABLES) {
    await sql`create trigger note_effect after insert or update or delete on ${sql(table)}
      for each row execute function note_effect()`;
  }
}

/** @returns the changes since the last call. */
export async function takeEffects(sql: Sql): Promise<Effect[]> {
  const rows = await sql<(Omit<Effect, "owner"> & { owner: string | null })[]>`
    with taken as (delete from effect returning *)
    select t.name as table, t.change, t.before, t.after, case t.name
      when 'user' then coalesce(t.after, t.before) ->> 'id'
      when 'refresh_token' then coalesce(
        (select s.user_id::text from session s where s.id::text = coalesce(t.after, t.before) ->> 'session_id'),
        (select s.before ->> 'user_id' from taken s
          where s.name = 'session' and s.before ->> 'id' = t.before ->> 'session_id' limit 1))
      when 'audit_event' then coalesce(t.after ->> 'subject_id', t.after ->> 'actor_id')
      else coalesce(t.after, t.before) ->> 'user_id' end as owner
    from taken t order by t.id`;
  return rows.filter(({ before, after }) => (after ?? before)?.["kind"] !== HEALTH_PROBE);
}
