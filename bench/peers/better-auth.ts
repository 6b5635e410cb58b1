/** better-auth's password reset, its emails sent by a nodemailer pool that the request does not wait for. */
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { createTransport } from "nodemailer";
import { Pool } from "pg";

const port = Number(process.env["PORT"]);
const pool = createTransport({
  pool: true,
  host: "127.0.0.1",
  port: Number(process.env["SMTP_PORT"]),
  ignoreTLS: true,
  maxConnections: 5,
});

const options = {
  baseURL: `http://127.0.0.1:${port}`,
  secret: "of the bench: long, and no secret to anybody",
  database: new Pool({ connectionString: process.env["DATABASE_URL"], max: 10 }),
  logger: { disabled: true },
  telemetry: { enabled: false },
  rateLimit: { enabled: false },
  emailAndPassword: {
    enabled: true,
    // Not awaited, as its documentation advises.
    sendResetPassword: async ({ user, url }: { user: { email: string }; url: string }) => {
      pool
        .sendMail({
          from: { name: "Dundie", address: "no-reply@dm.com" },
          to: { name: "", address: user.email },
          subject: "Password reset",
          text: `Please use the following link to reset your password:\n${url}\n`,
        })
        .catch((error: unknown) => process.stderr.write(`${error}\n`));
    },
  },
};

await (await getMigrations(options)).runMigrations();
const auth = betterAuth(options);
Bun.serve({
  hostname: "127.0.0.1",
  port,
  fetch: (request) => (new URL(request.url).pathname === "/health" ? new Response("ok") : auth.handler(request)),
});
