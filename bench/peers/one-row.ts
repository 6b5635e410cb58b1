/** One committed row a request, and nothing else: what a straightforward Bun server could answer at best. */
import { Elysia, t } from "elysia";
import postgres from "postgres";

const sql = postgres(process.env["DATABASE_URL"] ?? "", { max: 10, onnotice: () => undefined });
await sql`create table if not exists request (id uuid primary key, email text not null, created_at timestamptz not null default now())`;

new Elysia()
  .get("/health", () => "ok")
  .post(
    "/user/pwd_reset_token/",
    async ({ body }) => {
      await sql`insert into request (id, email) values (${Bun.randomUUIDv7()}, ${body.email})`;
      return { message: "If we found a user with that email, we sent a password reset token to it." };
    },
    { parse: "json", body: t.Object({ email: t.String() }) },
  )
  .listen({ hostname: "127.0.0.1", port: Number(process.env["PORT"]) });
