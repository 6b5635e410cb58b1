/**
 * What a Bun server could answer at best, with the schema of our route: `/no-op/` does nothing, and the other route waits
 * for a row with one index, which the requests of one turn of the event loop commit together.
 */
import { Elysia, t } from "elysia";
import postgres from "postgres";

const ANSWER = { message: "If we found a user with that email, we sent a password reset token to it." };
const sql = postgres(process.env["DATABASE_URL"] ?? "", { max: 1, onnotice: () => undefined });
await sql`create table if not exists request (id uuid primary key, email text not null, created_at timestamptz not null default now())`;

let waiting: { readonly id: string; readonly email: string; readonly done: () => void }[] = [];
let writing = false;

async function write(): Promise<void> {
  const rows = waiting;
  waiting = [];
  await sql`
    insert into request (id, email)
    select * from unnest(${rows.map(({ id }) => id)}::uuid[], ${rows.map(({ email }) => email)}::text[])`;
  for (const { done } of rows) done();
  if (waiting.length > 0) setImmediate(() => void write());
  else writing = false;
}

function commit(email: string): Promise<void> {
  if (!writing) {
    writing = true;
    setImmediate(() => void write());
  }
  return new Promise((done) => waiting.push({ id: Bun.randomUUIDv7(), email, done }));
}

const schema = {
  parse: "json",
  body: t.Object({ email: t.String({ minLength: 3, maxLength: 320 }) }, { additionalProperties: false }),
  response: { 200: t.Object({ message: t.String() }) },
} as const;

new Elysia({ normalize: false })
  .get("/health", () => "ok")
  .post("/no-op/", () => ANSWER, schema)
  .post(
    "/user/pwd_reset_token/",
    async ({ body }) => {
      await commit(body.email);
      return ANSWER;
    },
    schema,
  )
  .listen({ hostname: "127.0.0.1", port: Number(process.env["PORT"]) });
