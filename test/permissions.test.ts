/** R50: every route × {anonymous, self, other, superuser}. A route that is mounted and not listed here fails. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startApi, type Call, type TestApi, type Tokens } from "./support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ REGISTRATION: "on" });
  // Hundreds of logins: what is tested here is who may do what, not how passwords are kept.
  Object.assign(api.deps.hasher, {
    hash: async (password: string) => `test ${password}`,
    verify: async (password: string, hash: string | null) => hash === `test ${password}`,
  });
  await api.sql`update "user" set password_hash = ${`test ${PASSWORD}`}`;
});
afterAll(() => api[Symbol.asyncDispose]());

const PASSWORD = "a word that nobody knows";
const NEXT = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };

/** The account that is acted upon: made anew for every call. */
interface Target {
  readonly username: string;
  readonly email: string;
  readonly tokens: Tokens;
  readonly sessionId: string;
  /** An email to it that waits. */
  readonly messageId: string;
}

const ROLES = ["anonymous", "self", "other", "superuser"] as const;
type Statuses = readonly [anonymous: number, self: number, other: number, superuser: number];

const EVERYBODY: Statuses = [200, 200, 200, 200];
const WHO_IS_LOGGED_IN: Statuses = [401, 200, 200, 200];
const SUPERUSERS: Statuses = [401, 403, 403, 200];
/** Whoever holds a good token: here it is none. */
const HOLDERS: Statuses = [403, 403, 403, 403];

type Row = readonly [route: string, statuses: Statuses, call?: (target: Target) => Call & { readonly path?: string }];

const MATRIX: readonly Row[] = [
  ["POST /token", EVERYBODY, ({ email }) => ({ form: { username: email, password: PASSWORD } })],
  ["POST /refresh_token", EVERYBODY, ({ tokens }) => ({ json: { refresh_token: tokens.refresh_token } })],
  ["POST /revoke", EVERYBODY, ({ tokens }) => ({ form: { token: tokens.refresh_token } })],
  ["POST /introspect", WHO_IS_LOGGED_IN, ({ tokens }) => ({ form: { token: tokens.access_token } })],
  ["GET /session/", WHO_IS_LOGGED_IN],
  ["DELETE /session/:id", [401, 204, 404, 404], ({ sessionId }) => ({ path: `/session/${sessionId}` })],
  ["DELETE /session/", [401, 204, 204, 204]],
  ["POST /logout/", [401, 204, 204, 204]],
  ["POST /user/pwd_reset_token/", EVERYBODY, ({ email }) => ({ json: { email } })],
  ["POST /user/password/", HOLDERS, () => ({ json: { ...NEXT, pwd_reset_token: "none" } })],
  ["POST /user/:username/password/", [401, 200, 403, 200], () => ({ json: { ...NEXT, current_password: PASSWORD } })],
  ["POST /user/:username/password/", HOLDERS, () => ({ json: { ...NEXT, pwd_reset_token: "none" } })],
  ["POST /email/confirm/", HOLDERS, () => ({ json: { token: "none" } })],
  ["POST /email/freeze/", HOLDERS, () => ({ json: { token: "none" } })],
  [
    "POST /user/me/email/",
    WHO_IS_LOGGED_IN,
    () => ({ json: { email: "new@example.com", current_password: PASSWORD } }),
  ],
  ["POST /register/", EVERYBODY, ({ email }) => ({ json: { email } })],
  ["POST /register/complete/", HOLDERS, () => ({ json: { ...NEXT, name: "New One", token: "none" } })],
  ["GET /user/me", WHO_IS_LOGGED_IN],
  ["GET /user/me/events", WHO_IS_LOGGED_IN],
  ["GET /user/me/export", WHO_IS_LOGGED_IN],
  ["GET /user/:username/export/", SUPERUSERS],
  ["GET /user/me/message/", WHO_IS_LOGGED_IN],
  ["GET /user/", EVERYBODY],
  ["GET /user/:username/", EVERYBODY],
  [
    "POST /user/",
    [401, 403, 403, 201],
    ({ email }) => ({ json: { name: `${email} II`, email: `x${email}`, dept: "hr" } }),
  ],
  ["PATCH /user/:username/", [401, 200, 403, 200], () => ({ json: { bio: "Paints.", avatar: null, locale: "pt-BR" } })],
  ["PATCH /user/:username/", SUPERUSERS, () => ({ json: { dept: "management" } })],
  ["PATCH /user/:username/", SUPERUSERS, () => ({ json: { name: "Somebody Else" } })],
  ["PATCH /user/:username/", SUPERUSERS, () => ({ json: { currency: "EUR" } })],
  ["POST /user/:username/disable/", SUPERUSERS],
  ["POST /user/:username/enable/", SUPERUSERS],
  ["DELETE /user/:username/", [401, 204, 403, 204], () => ({ json: { current_password: PASSWORD } })],
  ["DELETE /user/:username/", [401, 422, 403, 204]],
  ["PATCH /user/:username/", SUPERUSERS, () => ({ json: { superuser: true } })],
  ["POST /user/:username/invitation/", [401, 403, 403, 409]],
  ["POST /user/:username/email/", SUPERUSERS, ({ email }) => ({ json: { email: `new-${email}` } })],
  ["GET /user/:username/session/", SUPERUSERS],
  ["DELETE /user/:username/session/", [401, 403, 403, 204]],
  ["POST /user/import/", SUPERUSERS, ({ email }) => ({ json: { csv: `name,email,dept\nNew One,x-${email},hr\n` } })],
  ["GET /user/", SUPERUSERS, () => ({ path: "/user/?search=target&state=unverified&dept=sales" })],
  ["GET /audit/", SUPERUSERS],
  ["GET /message/", SUPERUSERS],
  ["GET /message/stats", SUPERUSERS],
  ["GET /doctor/", SUPERUSERS],
  ["GET /message/:id/", SUPERUSERS],
  // This process has no courier that could render it.
  ["GET /message/:id/preview", [401, 403, 403, 503]],
  ["POST /message/:id/retry/", [401, 403, 403, 409]],
  ["POST /message/:id/cancel/", SUPERUSERS],
  ["GET /message/matching", SUPERUSERS],
  ["POST /message/retry/", SUPERUSERS, () => ({ json: { kind: "welcome" } })],
  ["POST /message/cancel/", SUPERUSERS, () => ({ json: { kind: "welcome" } })],
  ["POST /message/pause/", SUPERUSERS],
  ["POST /message/resume/", SUPERUSERS],
  ["POST /message/suppress/", SUPERUSERS, ({ email }) => ({ json: { email } })],
  ["GET /message/suppressed/", SUPERUSERS],
  ["POST /message/lift/", [401, 403, 403, 404], ({ email }) => ({ json: { email } })],
  ["GET /.well-known/change-password", [302, 302, 302, 302]],
  ["GET /health", EVERYBODY],
  ["GET /health/live", EVERYBODY],
  ["GET /health/ready", EVERYBODY],
];

/** Pages and their files: the same for everybody; what they show comes from the routes above, or from a link's token. */
const PAGES =
  /^GET \/$|^(GET|POST) \/(openapi\.json|docs|assets|outbox|people|reset_password|confirm_email|complete_registration|freeze_account)(\/|$)/;

test("R50 every route that is mounted is listed", () => {
  const listed = new Set(MATRIX.map(([route]) => route));
  expect(api.routes.filter((route) => !listed.has(route) && !PAGES.test(route))).toEqual([]);
  expect([...listed].filter((route) => !api.routes.includes(route))).toEqual([]);
});

test.each(MATRIX)("R50 %s: %j", async (route, statuses, call = () => ({})) => {
  const [method = "", pattern = ""] = route.split(" ");
  const seen: number[] = [];
  for (const [index, role] of ROLES.entries()) {
    const target = await makeTarget();
    const token = await tokenOf(role, target);
    const before = await everything();
    const { path, ...rest } = call(target);
    const filled = pattern.replace(":username", target.username).replace(":id", target.messageId);
    const answer = await api.call(method, path ?? filled, { ...rest, ...(token ? { token } : {}) });
    seen.push(answer.status);
    // No effect without permission.
    if ([401, 403, 404].includes(statuses[index]!)) expect(await everything()).toEqual(before);
  }
  expect(seen).toEqual([...statuses]);
});

let made = 0;

async function makeTarget(): Promise<Target> {
  made += 1;
  const email = `target${made}@example.com`;
  const superuser = await api.logIn("michael-scott", PASSWORD);
  const json = { name: `Target ${made}`, email, dept: "sales", password: PASSWORD };
  await api.call("POST", "/user/", { token: superuser.access_token, json });
  const tokens = await api.logIn(email, PASSWORD);
  const [session] = await api.sql`
    select s.id from session s join "user" u on u.id = s.user_id where u.email = ${email}`;
  const [message] = await api.sql`
    select m.id from message m join "user" u on u.id = m.user_id where u.email = ${email}`;
  return { username: `target-${made}`, email, tokens, sessionId: session!["id"], messageId: message!["id"] };
}

async function tokenOf(role: (typeof ROLES)[number], target: Target): Promise<string | null> {
  if (role === "anonymous") return null;
  if (role === "self") return target.tokens.access_token;
  return (await api.logIn(role === "other" ? "jim-halpert" : "michael-scott", PASSWORD)).access_token;
}

/** All rows but the audit's, which records refusals as well. */
async function everything(): Promise<unknown> {
  const tables = ["user", "session", "refresh_token", "one_time_token", "message", "suppression", "mail_control"];
  return await Promise.all(
    tables.map(async (table) => {
      const [row] =
        await api.sql`select count(*)::int, md5(string_agg(t::text, ',' order by t::text)) from ${api.sql(table)} t`;
      return [table, row];
    }),
  );
}
