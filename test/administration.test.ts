/** What superusers do for other accounts, and who is a superuser. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { PASSWORD, startApi, type Delivered, type TestApi } from "./support/api.ts";
import { until } from "./support/waiting.ts";

let api: TestApi;
let superuser: string;
beforeAll(async () => {
  api = await startApi({ RATE_LIMIT: "on", REGISTRATION: "on", DEFAULT_LOCALE: "pt-BR" });
  superuser = (await api.logIn("michael-scott")).access_token;
});
beforeEach(() => api.deliver());
afterAll(() => api[Symbol.asyncDispose]());

const act = (method: string, path: string, json?: object, headers: Record<string, string> = {}) =>
  api.call(method, path, { token: superuser, headers, ...(json ? { json } : {}) });
const patch = (username: string, json: object) => act("PATCH", `/user/${username}/`, json);
const eventsOf = async (username: string, action: string) =>
  (await act("GET", `/audit/?subject=${username}&action=${action}`)).body;
const isSuperuser = async (username: string): Promise<boolean> =>
  (await act("GET", `/user/${username}/`)).body.superuser;
const received = (emails: readonly Delivered[]) => emails.map(({ kind, to }) => `${kind} to ${to}`).toSorted();

let made = 0;
/** Makes an account of its own for a test, with a password unless it is invited. */
async function person(fields: object = {}, invited = false) {
  made += 1;
  const json = { name: `Person ${made}`, email: `person${made}@example.com`, dept: "sales", ...fields };
  const answer = await act("POST", "/user/", invited ? json : { password: PASSWORD, ...json });
  expect([answer.status, answer.body]).toMatchObject([201, { name: json.name }]);
  const welcomed = await api.deliver();
  return { username: answer.body.username as string, email: json.email, welcomed };
}

/** Makes the logins of an account as old as this. */
const ageLogins = (username: string, age: string) =>
  api.sql`update session set created_at = now() - ${age}::interval
    where user_id = (select id from "user" where username = ${username})`;

describe("who is a superuser", () => {
  test("is a flag of its own, which the department sets when an account is made", async () => {
    const boss = await person({ dept: "management" });
    const misspelt = await person({ dept: "Managment" });
    const flagged = await person({ dept: "sales", superuser: true });
    const plain = await person({ dept: "management", superuser: false });
    const flags = await Promise.all([boss, misspelt, flagged, plain].map(({ username }) => isSuperuser(username)));
    expect(flags).toEqual([true, false, true, false]);
    const token = (await api.logIn(flagged.username)).access_token;
    expect((await api.call("GET", "/audit/", { token })).status).toBe(200);
    expect((await api.call("GET", "/audit/", { token: (await api.logIn(plain.username)).access_token })).status).toBe(
      403,
    );
    for (const { username } of [boss, flagged]) await patch(username, { superuser: false });
    expect((await api.call("GET", "/audit/", { token })).status).toBe(403);
  });

  test("a move into management or out of it decides, unless the change says otherwise", async () => {
    const { username } = await person();
    await patch(username, { dept: "management" });
    expect(await isSuperuser(username)).toBe(true);
    await patch(username, { dept: "sales" });
    expect(await isSuperuser(username)).toBe(false);
    await patch(username, { dept: "management", superuser: false });
    expect(await isSuperuser(username)).toBe(false);
    await patch(username, { dept: "marketing", superuser: true });
    await patch(username, { dept: "sales" });
    expect(await isSuperuser(username)).toBe(true);
    await patch(username, { superuser: false });
  });

  test("R40 changing it takes a login of the last minutes or the password, also when an account is made", async () => {
    const { username } = await person();
    const count = async () => (await api.sql`select count(*)::int from "user"`)[0]!["count"];
    const before = await count();
    await ageLogins("michael-scott", "6 minutes");
    try {
      const wrong = { current_password: "not the password" };
      const attempts = [{ superuser: true }, { dept: "management" }];
      for (const json of attempts) {
        expect((await patch(username, json)).body.type).toBe("urn:dundie:problem:current-password-required");
        expect((await patch(username, { ...json, ...wrong })).body.type).toBe(
          "urn:dundie:problem:wrong-current-password",
        );
      }
      const json = { name: "New Boss", email: "new-boss@example.com", dept: "management", password: PASSWORD };
      expect((await act("POST", "/user/", json)).status).toBe(422);
      expect((await act("POST", "/user/", { ...json, ...wrong })).status).toBe(403);
      const csv = "name,email,dept\nNew Boss,new-boss@example.com, management \n";
      expect((await act("POST", "/user/import/", { csv })).status).toBe(422);
      expect((await act("POST", `/user/${username}/email/`, { email: "elsewhere@example.com" })).status).toBe(422);
      expect([await isSuperuser(username), await count()]).toEqual([false, before]);
      // What does not change who is a superuser needs no proof.
      expect((await patch(username, { superuser: false, dept: "marketing" })).status).toBe(200);
      expect((await patch(username, { superuser: true, current_password: PASSWORD })).status).toBe(200);
      expect((await patch(username, { superuser: false, current_password: PASSWORD })).status).toBe(200);
    } finally {
      await ageLogins("michael-scott", "0 minutes");
    }
  });

  test("R40 so does what lets a person log in to the account of another superuser", async () => {
    const boss = await person({ dept: "management" });
    const { username } = await person();
    const own = { current_password: PASSWORD };
    const next = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
    const typesOf = async (path: string, json: object) => [
      (await act("POST", path, json)).body.type,
      (await act("POST", path, { ...json, current_password: "not the password" })).body.type,
    ];
    const refused = ["urn:dundie:problem:current-password-required", "urn:dundie:problem:wrong-current-password"];
    await ageLogins("michael-scott", "6 minutes");
    try {
      expect(await typesOf(`/user/${boss.username}/password/`, next)).toEqual(refused);
      expect(await api.tryLogIn(boss.email)).toBe(200);
      expect((await act("POST", `/user/${boss.username}/password/`, { ...next, ...own })).status).toBe(200);
      for (const one of [boss.username, username]) await act("POST", `/user/${one}/disable/`);
      const email = "elsewhere@example.com";
      expect(await typesOf(`/user/${boss.username}/enable/`, {})).toEqual(refused);
      expect(await typesOf(`/user/${username}/enable/`, { email })).toEqual(refused);
      expect(
        await api.sql`select 1 from "user" where disabled_at is null and username in ${api.sql([boss.username, username])}`,
      ).toHaveLength(0);
      await api.deliver();
      expect((await act("POST", `/user/${boss.username}/enable/`, own)).status).toBe(200);
      const told = await api.deliver();
      expect(received(told)).toEqual(
        ["mscott@dm.com", boss.email].map((to) => `superuser_changed to ${to}`).toSorted(),
      );
      expect(told[0]!.props).toEqual({ change: "enabled", usernames: boss.username, actor: "michael-scott" });
      // Neither takes a proof for an account that may administer nothing.
      expect((await act("POST", `/user/${username}/enable/`)).status).toBe(200);
      expect((await act("POST", `/user/${username}/password/`, next)).status).toBe(200);
    } finally {
      await ageLogins("michael-scott", "0 minutes");
      await patch(boss.username, { superuser: false });
    }
  });

  test("R47 a superuser who is demoted while a change waits makes no other one, and disables none", async () => {
    const boss = await person({ dept: "management" });
    const { username } = await person();
    const token = (await api.logIn(boss.username)).access_token;
    const acts = [
      ["PATCH", `/user/${username}/`, { superuser: true }],
      ["POST", "/user/", { name: "New Boss", email: "new-boss@example.com", dept: "management", password: PASSWORD }],
      ["POST", "/user/import/", { csv: "name,email,dept\nNew Boss,new-boss@example.com,management\n" }],
      ["POST", "/user/michael-scott/disable/", undefined],
      ["DELETE", `/user/${username}/`, undefined],
    ] as const;
    for (const [method, path, json] of acts) {
      const { answer } = await api.sql.begin(async (tx) => {
        await tx`update "user" set superuser = false where username = ${boss.username}`;
        const sent = api.call(method, path, { token, ...(json ? { json } : {}) });
        const waiting = () => tx`
          select 1 from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))`;
        await until(async () => (await waiting()).length > 0);
        return { answer: sent };
      });
      expect([path, (await answer).status]).toEqual([path, 403]);
      await api.sql`update "user" set superuser = true where username = ${boss.username}`;
    }
    await patch(boss.username, { superuser: false });
    expect([await isSuperuser(username), await isSuperuser("michael-scott")]).toEqual([false, true]);
    expect((await api.call("GET", "/user/michael-scott/")).status).toBe(200);
  });

  test("R40 a refresh does not make a login recent", async () => {
    const tokens = await api.logIn("michael-scott");
    await ageLogins("michael-scott", "6 minutes");
    const { body } = await api.call("POST", "/refresh_token", { json: { refresh_token: tokens.refresh_token } });
    const { username } = await person();
    const answer = await api.call("PATCH", `/user/${username}/`, {
      token: body.access_token,
      json: { superuser: true },
    });
    expect(answer.status).toBe(422);
    await ageLogins("michael-scott", "0 minutes");
  });

  test("the account and every superuser are told, and the audit has the old and the new value", async () => {
    const deputy = await person({ dept: "management" });
    expect(received(deputy.welcomed)).toEqual([
      "superuser_changed to mscott@dm.com",
      `superuser_changed to ${deputy.email}`,
      `welcome to ${deputy.email}`,
    ]);
    const { username, email } = await person();
    await patch(username, { superuser: true });
    const told = await api.deliver();
    expect(received(told)).toEqual(
      [email, deputy.email, "mscott@dm.com"].map((to) => `superuser_changed to ${to}`).toSorted(),
    );
    expect(told[0]!.props).toEqual({ change: "made", usernames: username, actor: "michael-scott" });
    await patch(username, { superuser: true });
    expect(await api.deliver()).toEqual([]);

    await patch(username, { superuser: false });
    expect(received(await api.deliver())).toContain(`superuser_changed to ${email}`);
    const details = (await eventsOf(username, "superuser_changed")).map((event: { details: object }) => event.details);
    expect(details).toEqual([
      { before: "true", after: "false" },
      { before: "false", after: "true" },
    ]);
    await act("POST", `/user/${deputy.username}/disable/`);
    expect(received(await api.deliver())).toEqual(["superuser_changed to mscott@dm.com"]);
    await act("DELETE", `/user/${deputy.username}/`);
    expect(received(await api.deliver())).toEqual(["superuser_changed to mscott@dm.com"]);
  });

  test("the last superuser stays, whatever field would unmake it", async () => {
    for (const json of [{ superuser: false }, { dept: "sales" }, { dept: "management", superuser: false }]) {
      const answer = await patch("michael-scott", json);
      expect([answer.status, answer.body.type]).toEqual([409, "urn:dundie:problem:last-superuser"]);
    }
    expect(await isSuperuser("michael-scott")).toBe(true);
  });

  test("one superuser makes no more than 20 changes an hour", async () => {
    const { username } = await person();
    await api.sql`insert into audit_event (id, action, actor_id)
      select gen_random_uuid(), 'superuser_changed', id from "user", generate_series(1, 19) where username = 'michael-scott'`;
    // The ids of events tell their time.
    await api.sql`alter table audit_event disable trigger user`;
    await api.sql`update audit_event set id = overlay(id::text placing
      (select left(max(id::text), 13) from audit_event where action = 'user_created') from 1 for 13)::uuid
      where action = 'superuser_changed' and request_id is null and actor_id is not null`;
    const answers = [await patch(username, { superuser: true }), await patch(username, { superuser: false })];
    expect(answers.map(({ status }) => status)).toContain(429);
    await api.sql`delete from audit_event where action = 'superuser_changed'`;
    await api.sql`alter table audit_event enable trigger user`;
    await patch(username, { superuser: false });
  });
});

describe("an invitation that is sent again", () => {
  test("takes the place of the one that waits, and has a link of its own that works", async () => {
    const invited = await person({}, true);
    const first = invited.welcomed[0]!;
    const path = `/user/${invited.username}/invitation/`;
    const answers = [await act("POST", path), await act("POST", path)];
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(answers[1]!.headers.get("location")).toBe(`/message/${answers[1]!.body.id}/`);
    const again = await api.deliver();
    expect(received(again)).toEqual([`invitation to ${invited.email}`]);
    expect(again[0]!.token).not.toBe(first.token);
    expect(again[0]!.props).toEqual({ username: invited.username, inviter: "Michael Scott" });
    const messages = (await act("GET", `/message/?username=${invited.username}`)).body;
    expect(messages.map(({ state, reason }: Record<string, unknown>) => [state, reason])).toEqual([
      ["sent", null],
      ["dropped", "superseded"],
      ["sent", null],
    ]);
    expect((await eventsOf(invited.username, "invitation_resent")).length).toBe(2);

    const json = { password: PASSWORD, password_confirm: PASSWORD, pwd_reset_token: again[0]!.token };
    expect((await api.call("POST", "/user/password/", { json })).status).toBe(200);
    const late = await act("POST", path);
    expect([late.status, late.body.detail]).toEqual([
      409,
      "The account is active; only an invited account can be sent an invitation.",
    ]);
  });

  test("is refused for an account that is disabled or unknown, and after three in a quarter of an hour", async () => {
    const { username } = await person({}, true);
    const path = `/user/${username}/invitation/`;
    for (let round = 0; round < 3; round += 1) expect((await act("POST", path)).status).toBe(201);
    const refused = await act("POST", path);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "900"]);
    await act("POST", `/user/${username}/disable/`);
    expect((await act("POST", path)).status).toBe(409);
    expect((await act("POST", "/user/no-such-account/invitation/")).status).toBe(404);
  });
});

describe("an address that is changed for an owner", () => {
  test("both addresses are told, sessions and links end, and the new address is yet to be proved", async () => {
    const { username, email } = await person();
    const { access_token: token } = await api.logIn(username);
    await api.call("POST", "/user/pwd_reset_token/", { json: { email } });
    const [reset] = await api.deliver();
    const moved = `moved-${email}`;
    const answer = await act("POST", `/user/${username}/email/`, { email: ` ${moved.toUpperCase()} ` });
    expect([answer.status, answer.body.username]).toEqual([200, username]);
    const told = await api.deliver();
    expect(received(told)).toEqual([
      `email_changed to ${moved}`,
      `email_changed to ${email}`,
      `email_verification to ${moved}`,
    ]);
    expect(told.find(({ kind }) => kind === "email_changed")!.props).toEqual({
      username,
      oldAddressMasked: "p…@example.com",
      newAddressMasked: "m…@example.com",
    });
    expect((await api.call("GET", "/user/me", { token })).status).toBe(401);
    const json = { password: PASSWORD, password_confirm: PASSWORD, pwd_reset_token: reset!.token };
    expect((await api.call("POST", "/user/password/", { json })).status).toBe(403);
    expect((await act("GET", `/user/${username}/`)).body).toMatchObject({ email: moved, email_verified: false });
    expect(await eventsOf(username, "email_changed")).toMatchObject([{ actor: "michael-scott" }]);
    const link = told.find(({ kind }) => kind === "email_verification")!.token;
    expect((await api.call("POST", "/email/confirm/", { json: { token: link } })).status).toBe(200);
    expect((await act("GET", `/user/${username}/`)).body).toMatchObject({ state: "active", email_verified: true });

    await act("POST", `/user/${username}/email/`, { email: moved });
    expect([await api.deliver(), (await eventsOf(username, "email_changed")).length]).toEqual([[], 1]);
  });

  test("an invited account gets its invitation at the new address, and the old link is dead", async () => {
    const invited = await person({}, true);
    const moved = `moved-${invited.email}`;
    await act("POST", `/user/${invited.username}/email/`, { email: moved });
    const told = await api.deliver();
    expect(received(told)).toEqual([
      `email_changed to ${moved}`,
      `email_changed to ${invited.email}`,
      `invitation to ${moved}`,
    ]);
    const use = (token: string | null) =>
      api.call("POST", "/user/password/", {
        json: { password: PASSWORD, password_confirm: PASSWORD, pwd_reset_token: token },
      });
    expect((await use(invited.welcomed[0]!.token)).status).toBe(403);
    expect((await use(told.find(({ kind }) => kind === "invitation")!.token)).status).toBe(200);
  });

  test("is refused where the address is taken or none, for the own account, and for one that is disabled", async () => {
    const { username } = await person();
    const change = async (email: string, whose = username) => {
      const { status, body } = await act("POST", `/user/${whose}/email/`, { email });
      return [status, body.type?.replace("urn:dundie:problem:", "")];
    };
    expect(await change("jhalpert@dm.com")).toEqual([409, "email-taken"]);
    expect(await change("a@b")).toEqual([422, "invalid-address"]);
    expect(await change("boss@example.com", "michael-scott")).toEqual([409, "conflict"]);
    expect(await change("x@example.com", "no-such-account")).toEqual([404, "not-found"]);
    for (let round = 0; round < 5; round += 1)
      expect((await change(`round${round}-${username}@example.com`))[0]).toBe(200);
    expect(await change(`once-more-${username}@example.com`)).toEqual([429, "too-many-requests"]);
    await act("POST", `/user/${username}/disable/`);
    expect(await change(`again-${username}@example.com`)).toEqual([409, "conflict"]);
    // A registration that is not proved keeps no address from its owner.
    await api.call("POST", "/register/", {
      json: { name: "Squatter", email: "wanted@example.com", password: PASSWORD },
    });
    expect(await change("wanted@example.com", (await person()).username)).toEqual([200, undefined]);
  });
});

test("somebody's sessions are listed and ended, once and for all, and only that is recorded", async () => {
  const { username } = await person();
  const devices = [await api.logIn(username), await api.logIn(username)];
  const path = `/user/${username}/session/`;
  const listed = (await act("GET", path)).body;
  expect(listed).toHaveLength(2);
  expect(listed[0]).toMatchObject({ browser: "a script", current: false });
  for (let twice = 0; twice < 2; twice += 1) expect((await act("DELETE", path)).status).toBe(204);
  for (const { access_token: token, refresh_token } of devices) {
    expect((await api.call("GET", "/user/me", { token })).status).toBe(401);
    expect((await api.call("POST", "/refresh_token", { json: { refresh_token } })).status).toBe(401);
  }
  expect((await act("GET", path)).body).toEqual([]);
  expect(await eventsOf(username, "sessions_ended")).toMatchObject([
    { actor: "michael-scott", details: { count: "2" } },
  ]);
  expect((await act("GET", "/user/me", undefined)).status).toBe(200);
  expect((await act("DELETE", "/user/no-such-account/session/")).status).toBe(404);
});

test("an account has the language that is said when it is made, else the default and not the administrator's", async () => {
  const localesOf = async (username: string) =>
    (
      await api.sql`select m.kind, m.locale from message m join "user" u on u.id = m.user_id
      where u.username = ${username} order by m.ordinal`
    ).map(({ kind, locale }) => `${kind} ${locale}`);
  const english = await person({ locale: "en" }, true);
  const silent = await person({}, true);
  expect(await localesOf(english.username)).toEqual(["invitation en"]);
  expect(await localesOf(silent.username)).toEqual(["invitation pt-BR"]);
  expect((await act("GET", `/user/${english.username}/`)).body.locale).toBe("en");
  const withPassword = await person();
  const json = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
  await act("POST", `/user/${withPassword.username}/password/`, json, { "accept-language": "en" });
  await api.deliver();
  expect(await localesOf(withPassword.username)).toEqual(["welcome pt-BR", "password_changed pt-BR"]);
  // A browser that says no language of ours gets the default as well.
  expect((await api.call("GET", "/reset_password", { headers: { "accept-language": "fr" } })).body).toContain(
    'lang="pt-BR"',
  );
  expect((await act("POST", "/user/", { name: "X", email: "x@example.com", dept: "y", locale: "fr" })).status).toBe(
    422,
  );
});

describe("an import over HTTP", () => {
  const importFile = (csv: string, rest: object = {}) => act("POST", "/user/import/", { csv, ...rest });

  test("a dry run says of each row what will happen, and changes nothing", async () => {
    await person({ email: "known@example.com" });
    const csv = [
      "name;email;dept;locale;username",
      "Good One;good@example.com;sales;pt_BR;",
      "No Address;not an address;sales;;",
      "Known;known@example.com;sales;;",
      "Twice;good@example.com;sales;;",
      ";nameless@example.com;sales;;",
      "Boss;csv-boss@example.com;management;en;",
      "Taken;taken@example.com;sales;;jim-halpert",
    ].join("\r\n");
    const { status, body } = await importFile(csv, { dry_run: true });
    expect([status, body]).toEqual([
      200,
      {
        lines: 8,
        ignored_columns: [],
        created: 2,
        skipped: 2,
        problems: [
          { line: 3, reason: "invalid_email", problem: expect.stringContaining("email: ") },
          { line: 6, reason: "invalid_name", problem: expect.stringContaining("name: ") },
          { line: 8, reason: "taken_username", problem: 'username: The username "jim-halpert" is taken.' },
        ],
        rows: [
          { line: 2, email: "good@example.com", username: "good-one", superuser: false },
          { line: 4, email: "known@example.com", username: null, superuser: false },
          { line: 5, email: "good@example.com", username: null, superuser: false },
          { line: 7, email: "csv-boss@example.com", username: "boss", superuser: true },
        ],
        next_line: null,
      },
    ]);
    expect(
      await api.sql`select 1 from "user" where email in ('good@example.com', 'csv-boss@example.com')`,
    ).toHaveLength(0);

    const done = (await importFile(csv)).body;
    expect(done).toEqual({ ...body, next_line: null });
    const mail = received(await api.deliver());
    expect(mail).toContain("invitation to good@example.com");
    expect(mail).toContain("superuser_changed to mscott@dm.com");
    expect((await act("GET", "/user/good-one/")).body).toMatchObject({ locale: "pt-BR", state: "invited" });
    expect(await eventsOf("good-one", "user_created")).toMatchObject([
      { actor: "michael-scott", details: { by: "import" } },
    ]);
    await patch("boss", { superuser: false });
  });

  test("1,500 rows are done in parts, and a part that is sent twice creates nothing twice", async () => {
    const rows = Array.from({ length: 1_500 }, (_, index) => `Row ${index},row${index}@example.com,sales`);
    const csv = ["name,email,dept", ...rows, ""].join("\n");
    const created: number[] = [];
    for (let line: number | null = 1; line !== null;) {
      const { body } = await importFile(csv, { from_line: line, invite: false });
      created.push(body.created);
      line = body.next_line;
    }
    expect(created).toEqual([500, 500, 500]);
    expect((await importFile(csv, { from_line: 502, invite: false })).body).toMatchObject({ created: 0, skipped: 500 });
    const [row] = await api.sql`select count(*)::int from "user" where email like 'row%@example.com'`;
    expect(row).toEqual({ count: 1_500 });
  });

  test("a file that cannot be read is refused whole, and one over 2 MiB before it is read", async () => {
    const refused = await importFile("Nom;Courriel\nA;b\n");
    expect([refused.status, refused.body.detail]).toEqual([422, expect.stringContaining("must name the columns")]);
    expect((await importFile("x".repeat(2 * 1024 * 1024))).status).toBe(413);
    expect((await act("POST", "/user/", { name: "x".repeat(70_000) })).status).toBe(413);
  });
});
