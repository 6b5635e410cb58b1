import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { assert, constantFrom, property, tuple } from "fast-check";
import { readableOn } from "../src/web/assets.ts";
import { PASSWORD, startApi, type Answer, type TestApi } from "./support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ BRAND_NAME: "Ink & Paper", REGISTRATION: "on" });
});
afterAll(() => api[Symbol.asyncDispose]());

const PAGE = "/reset_password";
const NEW_PASSWORD = "a lighthouse in the fog";
const PORTUGUESE = { "accept-language": "pt-BR,pt;q=0.9,en;q=0.8" };
/** Every test has an account of its own. */
let made = 0;

async function person(): Promise<{ username: string; email: string }> {
  made += 1;
  const email = `page${made}@example.com`;
  const { access_token: token } = await api.logIn("michael-scott");
  const json = { name: `Reader ${made}`, email, dept: "sales", password: PASSWORD };
  const created = await api.call("POST", "/user/", { token, json });
  expect(created.status).toBe(201);
  return { username: created.body.username, email };
}

async function linkFor(email: string): Promise<string> {
  const asked = await send({ form: "ask", email });
  expect(asked.status).toBe(200);
  return await newestToken(email);
}

async function newestToken(email: string): Promise<string> {
  const token = (await api.deliver()).findLast((one) => one.to === email && one.token)?.token;
  if (!token) throw new Error(`No link came for ${email}.`);
  return token;
}

const open = (
  token: string,
  headers: Record<string, string> = {},
  path = `${PAGE}?pwd_reset_token=`,
): Promise<Answer> => api.call("GET", `${path}${encodeURIComponent(token)}`, { headers });
const send = (form: Record<string, string>, headers: Record<string, string> = {}, path = PAGE): Promise<Answer> =>
  api.call("POST", path, { form, headers });
const choose = (token: string, password: string, repeated = password, headers: Record<string, string> = {}) =>
  send({ pwd_reset_token: token, password, password_confirm: repeated }, headers);
const logsIn = async (username: string, password: string): Promise<boolean> =>
  (await api.call("POST", "/token", { form: { username, password } })).status === 200;
/** What a person reads. */
const text = ({ body }: Answer): string =>
  String(body)
    .replaceAll(/<head>.*<\/head>|<[^>]*>/gs, " ")
    .replaceAll(/\s+/g, " ");

test("without a script the form sets the password, once, and ends every session", async () => {
  const { username, email } = await person();
  const before = await api.logIn(username);
  const token = await linkFor(email);
  const page = await open(token);
  expect(page.status).toBe(200);
  expect(text(page)).toContain(`For your Ink &amp; Paper account ${username} .`);
  expect(page.body).toContain(`<input type="hidden" name="pwd_reset_token" value="${token}"`);
  expect(page.body).toContain(`value="${username}" autocomplete="username"`);
  expect(page.body.match(/autocomplete="new-password"/g)).toHaveLength(2);
  expect(page.body).not.toContain(email);

  const done = await choose(token, NEW_PASSWORD);
  expect(done.status).toBe(200);
  expect(text(done)).toContain("Your password has been changed");
  expect(text(done)).toContain(`Log in as ${username} with your new password.`);
  expect(done.body).not.toContain(token);
  // R29
  expect(done.headers.get("set-cookie")).toBeNull();
  expect(await logsIn(username, NEW_PASSWORD)).toBe(true);
  expect(await logsIn(username, PASSWORD)).toBe(false);
  expect((await api.call("GET", "/user/me", { token: before.access_token })).status).toBe(401);

  const again = await choose(token, "another lighthouse in the fog");
  expect(again.status).toBe(403);
  expect(text(again)).toContain("This link no longer works");
  expect(await logsIn(username, NEW_PASSWORD)).toBe(true);
});

test("R24 opening the page as often as one likes uses nothing up", async () => {
  const { username, email } = await person();
  const token = await linkFor(email);
  for (const method of ["GET", "HEAD", "OPTIONS", "GET", "HEAD"]) {
    const answer = await api.call(method, `${PAGE}?pwd_reset_token=${token}`);
    expect(answer.status).toBeLessThan(300);
  }
  expect((await choose(token, NEW_PASSWORD)).status).toBe(200);
  expect(await logsIn(username, NEW_PASSWORD)).toBe(true);
});

test("R25 what is refused comes back with its reason, in the reader's language, and the link stays good", async () => {
  const { username, email } = await person();
  const token = await linkFor(email);
  const refusals: readonly (readonly [string, string, number, string, string])[] = [
    [NEW_PASSWORD, `${NEW_PASSWORD}!`, 400, "The passwords don&#x27;t match.", "As senhas não são iguais."],
    ["", "", 422, "has 0 characters. It needs at least 12", "tem 0 caracteres. São necessários pelo menos 12"],
    ["🦑🐙🦀🐚🌊", "🦑🐙🦀🐚🌊", 422, "has 5 characters", "tem 5 caracteres"],
    ["abababababab", "abababababab", 422, "repeats the same few characters", "repete os mesmos poucos caracteres"],
    ["password1234", "password1234", 422, "one of the most common passwords", "uma das senhas mais comuns"],
    [`${username} + 9`, `${username} + 9`, 422, "don&#x27;t count", "não contam"],
    ["x1y2z".repeat(250), "x1y2z".repeat(250), 422, "too long", "longa demais"],
  ];
  for (const [password, repeated, status, english, portuguese] of refusals) {
    const refused = await choose(token, password, repeated);
    expect({ password, status: refused.status }).toEqual({ password, status });
    expect(text(refused)).toContain(english);
    expect(text(await choose(token, password, repeated, PORTUGUESE))).toContain(portuguese);
    // What was typed is never sent back, the token is; the field at fault gets the focus.
    if (password) expect(refused.body).not.toContain(`"${password}"`);
    expect(refused.body).toContain(`value="${token}"`);
    expect(refused.body.match(/ autofocus/g)).toHaveLength(1);
    expect(refused.body.match(/aria-invalid="true"/g)).toHaveLength(1);
  }
  expect(await logsIn(username, PASSWORD)).toBe(true);
  expect((await choose(token, NEW_PASSWORD)).status).toBe(200);
});

test("R27 every link that is not good leads to one page, which offers a new one", async () => {
  const { email } = await person();
  const used = await linkFor(email);
  expect((await choose(used, NEW_PASSWORD)).status).toBe(200);
  // Each of them is bad for one reason alone.
  const expired = await linkFor(email);
  await api.sql`update one_time_token set expires_at = now() - interval '1 second' where digest = sha256(${expired})`;
  const revoked = await linkFor(email);
  await api.sql`update one_time_token set revoked_at = now() where digest = sha256(${revoked})`;
  const other = await linkFor(email);
  await api.sql`update one_time_token set purpose = 'email_verification' where digest = sha256(${other})`;
  const unknown = "A".repeat(43);
  const pages = new Set<string>();
  const answers = new Set<string>();
  for (const token of [
    used,
    expired,
    revoked,
    other,
    unknown,
    "x",
    '"><script>alert(1)</script>',
    "\u0000",
    "A".repeat(9_000),
  ]) {
    const page = await open(token);
    expect(page.status).toBe(200);
    pages.add(page.body);
    const answer = await choose(token, NEW_PASSWORD);
    expect(answer.status).toBe(403);
    answers.add(answer.body);
  }
  expect([...answers]).toEqual([...pages]);
  const [page = ""] = pages;
  expect(page).toContain("This link no longer works");
  expect(page).toContain('name="email"');
  expect(page).not.toContain("reset.client.js");
});

test("R1 the page answers a request for a link the same, whoever has an account", async () => {
  const { email } = await person();
  const answers = new Set<string>();
  for (const address of [email, "nobody@example.com", ` ${email.toUpperCase()} `]) {
    const answer = await send({ form: "ask", email: address });
    expect(answer.status).toBe(200);
    answers.add(answer.body);
  }
  expect(answers.size).toBe(1);
  expect([...answers][0]).toContain("If there is an account with this email address");
  expect([...answers][0]).toContain("10 minutes");
  expect((await api.deliver()).map((email) => email.to)).toContain(email);
  expect(text(await send({ form: "ask", email }, PORTUGUESE))).toContain("Se houver uma conta com esse e-mail");
});

test("an address that is none comes back to be mended, as text", async () => {
  const typed = `"><img src=x onerror=alert(1)>@x`;
  const refused = await send({ form: "ask", email: typed });
  expect(refused.status).toBe(422);
  expect(text(refused)).toContain("Enter an email address");
  expect(refused.body).toContain('value="&quot;&gt;&lt;img src=x onerror=alert(1)&gt;@x"');
  expect(refused.body).not.toContain("<img");
});

test("R28 whatever the page answers, it is not stored, indexed, framed or told to anybody, and loads nothing foreign", async () => {
  const { email } = await person();
  const token = await linkFor(email);
  const answers = [
    await open(token),
    await open("x"),
    await api.call("GET", PAGE),
    await choose(token, "short"),
    await choose("x", NEW_PASSWORD),
    await send({ form: "ask", email }),
    await send({ form: "ask", email }, { "sec-fetch-site": "cross-site" }),
    await open("x", {}, "/confirm_email?token="),
    await open("x", {}, "/freeze_account?token="),
  ];
  for (const { headers, body } of answers) {
    expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("x-robots-tag")).toBe("noindex, nofollow");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    );
    expect(body).not.toMatch(/(src|href|action)="(?!\.\/(assets\/|reset_password|")|mailto:|data:)/);
    expect(body).not.toMatch(/<script(?! type="module" src="\.\/assets\/)|<style| style=| on\w+=/);
    for (const [, file] of String(body).matchAll(/(?:src|href)="\.(\/assets\/[^"]*)"/g)) {
      expect((await api.call("GET", file!)).status).toBe(200);
    }
  }
  expect(api.logLines.join("\n")).not.toContain(token);
});

test("the page speaks the reader's language", async () => {
  const { email } = await person();
  const token = await linkFor(email);
  const english = await open(token, { "accept-language": "de, en-GB;q=0.5" });
  expect(english.body).toContain('<html lang="en">');
  expect(text(english)).toContain("Choose a new password");
  const portuguese = await open(token, PORTUGUESE);
  expect(portuguese.body).toContain('<html lang="pt-BR">');
  expect(text(portuguese)).toContain("Escolha uma nova senha");
  expect(text(portuguese)).toContain("Pelo menos 12 caracteres");
  expect(text(await open("x", PORTUGUESE))).toContain("Este link não funciona mais");
  expect(text(await api.call("GET", PAGE, { headers: PORTUGUESE }))).toContain("Redefina sua senha");
});

test("R15 a form of another site is refused, and what is no form is not read", async () => {
  const { username, email } = await person();
  const token = await linkFor(email);
  for (const site of ["cross-site", "same-site"]) {
    const answer = await choose(token, NEW_PASSWORD, NEW_PASSWORD, { "sec-fetch-site": site });
    expect(answer.status).toBe(403);
    expect(text(answer)).toContain("from another website");
  }
  const json = { pwd_reset_token: token, password: NEW_PASSWORD, password_confirm: NEW_PASSWORD };
  for (const type of ["text/plain", "application/json"]) {
    const answer = await api.call("POST", PAGE, { raw: JSON.stringify(json), headers: { "content-type": type } });
    expect(answer.status).toBe(415);
  }
  expect(await logsIn(username, PASSWORD)).toBe(true);
  expect((await choose(token, NEW_PASSWORD, NEW_PASSWORD, { "sec-fetch-site": "same-origin" })).status).toBe(200);
});

test("R23, R54 hostile forms and queries get a page, never a fault", async () => {
  const { email } = await person();
  const token = await linkFor(email);
  const type = { "content-type": "application/x-www-form-urlencoded" };
  const bodies = [
    "",
    "&&&=&=",
    "%",
    "pwd_reset_token=%E0%A4%A",
    `pwd_reset_token=${token}&pwd_reset_token=${token}&password=${NEW_PASSWORD}&password_confirm=${NEW_PASSWORD}`,
    `__proto__[pwd_reset_token]=${token}&__proto__=x&constructor=y`,
    "form=ask&form=ask&email=a@example.com",
    "form=ask&email=a@example.com&email=b@example.com",
    "form=ask&email=%00@example.com",
    `form=ask&email=${"a".repeat(60_000)}@example.com`,
    "password=" + "a".repeat(60_000),
  ];
  for (const raw of bodies) {
    const { status, headers } = await api.call("POST", PAGE, { raw, headers: type });
    const refused = [400, 403, 422].includes(status);
    expect({ raw: raw.slice(0, 80), status, refused }).toMatchObject({ refused: true });
    expect(headers.get("content-type")).toMatch(/^(text\/html|application\/problem\+json)/);
  }
  const queries = [
    "?",
    "?pwd_reset_token",
    "?pwd_reset_token=",
    "?pwd_reset_token=%",
    "?pwd_reset_token=%00",
    "?__proto__=x",
  ];
  queries.push(`?pwd_reset_token=${token}&pwd_reset_token=<script>`, "?lang=<script>&x=<script>alert(1)</script>");
  for (const query of queries) {
    const answer = await api.call("GET", PAGE + query);
    expect({ query, status: answer.status }).toEqual({ query, status: 200 });
    expect(answer.body).not.toContain("<script>");
  }
  expect((await choose(token, NEW_PASSWORD)).status).toBe(200);
});

test("an invitation says that it is one, and its password opens the account", async () => {
  const { access_token } = await api.logIn("michael-scott");
  const json = { name: "Ryan Howard", email: "ryan@example.com", dept: "temps" };
  expect((await api.call("POST", "/user/", { token: access_token, json })).status).toBe(201);
  const token = await newestToken("ryan@example.com");
  const page = text(await open(token));
  expect(page).toContain("Choose your password");
  expect(page).toContain("Welcome to Ink &amp; Paper");
  expect(page).toContain("ryan-howard");
  expect(text(await open(token, PORTUGUESE))).toContain("O nome de usuário da sua conta Ink &amp; Paper");
  const done = await choose(token, NEW_PASSWORD);
  expect(text(done)).toContain("Your account is ready Log in as ryan-howard");
  expect(await logsIn("ryan-howard", NEW_PASSWORD)).toBe(true);
});

test("a fault of ours is a page too, which keeps the link in the address, and is logged", async () => {
  const { email } = await person();
  const token = await linkFor(email);
  await api.sql`alter table one_time_token rename to lost`;
  try {
    const page = await open(token);
    expect(page.status).toBe(500);
    expect(text(page)).toContain("There is a problem on our side, and nothing was changed.");
    expect(page.body).not.toContain("<script");
    expect(api.logLines.some((line) => line.includes("request_failed"))).toBe(true);
  } finally {
    await api.sql`alter table lost rename to one_time_token`;
  }
  expect((await open(token)).status).toBe(200);
});

test("the brand dresses the page: its colour, and a logo only of our own host", async () => {
  await using branded = await startApi({
    BRAND_NAME: `<b>"Brand"</b>`,
    BRAND_COLOR: "#ffd400",
    BRAND_LOGO_URL: "https://accounts.example.com/logo.png",
    SUPPORT_ADDRESS: "help@example.com",
    PUBLIC_URL: "https://accounts.example.com/auth",
    PASSWORD_MIN_LENGTH: "15",
  });
  const { body } = await branded.call("GET", PAGE);
  expect(body).toContain('<img src="/logo.png" alt="&lt;b&gt;&quot;Brand&quot;&lt;/b&gt;">');
  expect(body).not.toContain("<b>");
  expect(body).toContain('<a href="mailto:help@example.com">');
  const css = await branded.call("GET", "/assets/brand.css");
  expect(css.headers.get("content-type")).toBe("text/css; charset=utf-8");
  expect(css.body).toBe(":root { --brand: #ffd400; --on-brand: #000000; }\n");
  const foreign = await startApi({ BRAND_LOGO_URL: "https://cdn.example.net/logo.png" });
  expect((await foreign.call("GET", PAGE)).body).not.toContain("cdn.example.net");
  await foreign[Symbol.asyncDispose]();
});

test("readableOn() contrasts with every colour by 4.5:1", () => {
  const channel = constantFrom(...Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0")));
  assert(
    property(tuple(channel, channel, channel), (channels) => {
      const luminance = channels
        .map((hex) => Number.parseInt(hex, 16) / 255)
        .map((part) => (part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index]!, 0);
      const contrast =
        readableOn(`#${channels.join("")}`) === "#ffffff" ? 1.05 / (luminance + 0.05) : (luminance + 0.05) / 0.05;
      return contrast >= 4.5;
    }),
  );
});

test("R24 the page of a verification does nothing until its button is pressed", async () => {
  const { username, email } = await person();
  const { access_token } = await api.logIn(username);
  const json = { email, current_password: PASSWORD };
  expect((await api.call("POST", "/user/me/email/", { token: access_token, json })).status).toBe(200);
  const token = await newestToken(email);
  const verified = async () => (await api.call("GET", "/user/me", { token: access_token })).body.email_verified;
  for (const method of ["GET", "HEAD", "GET"]) {
    expect((await api.call(method, `/confirm_email?token=${token}`)).status).toBe(200);
  }
  expect(await verified()).toBe(false);
  const page = await open(token, {}, "/confirm_email?token=");
  expect(text(page)).toContain("Confirm your email address");
  expect(text(page)).toContain(username);
  expect(text(await open(token, PORTUGUESE, "/confirm_email?token="))).toContain("Confirme seu e-mail");
  expect((await send({ token }, { "sec-fetch-site": "cross-site" }, "/confirm_email")).status).toBe(403);

  const done = await send({ token }, {}, "/confirm_email");
  expect(done.status).toBe(200);
  expect(text(done)).toContain(`Emails for the account ${username} come to this address.`);
  expect(await verified()).toBe(true);
  for (const again of [await send({ token }, {}, "/confirm_email"), await open(token, {}, "/confirm_email?token=")]) {
    expect(again.status).toBe(200);
    expect(text(again)).toContain("Your email address is already confirmed");
    expect(text(again)).toContain(`${email} is confirmed for the account ${username}`);
  }
  expect(text(await open(token, PORTUGUESE, "/confirm_email?token="))).toContain("Seu e-mail já está confirmado");
  await api.sql`update "user" set email = ${`moved-${email}`} where username = ${username}`;
  const stale = await send({ token }, {}, "/confirm_email");
  expect(stale.status).toBe(403);
  expect(stale.body).toBe((await open("x", {}, "/confirm_email?token=")).body);
});

describe("the page of a registration", () => {
  const REGISTER = "/complete_registration";
  const register = async (email: string, typed: object = {}): Promise<string> => {
    const json = { email, ...typed };
    expect((await api.call("POST", "/register/", { json })).status).toBe(200);
    return await newestToken(email);
  };
  const chosen = { name: "Toby Flenderson", username: "", password: NEW_PASSWORD, password_confirm: NEW_PASSWORD };

  test("R24 R61 shows the address, fills in nothing that was typed before, and does nothing until it is sent", async () => {
    const token = await register("toby@example.com", { name: "Stranger", username: "stranger", password: PASSWORD });
    for (const method of ["GET", "HEAD", "GET"]) {
      expect((await api.call(method, `${REGISTER}?token=${token}`)).status).toBe(200);
    }
    const page = await open(token, {}, `${REGISTER}?token=`);
    expect(text(page)).toContain("toby@example.com");
    expect(String(page.body).toLowerCase()).not.toContain("stranger");
    expect(page.body).toContain(`autocomplete="name" value=""`);
    expect(page.headers.get("referrer-policy")).toBe("no-referrer");
    expect(text(await open(token, PORTUGUESE, `${REGISTER}?token=`))).toContain("Crie sua conta");
    const foreign = await send({ token, ...chosen }, { "sec-fetch-site": "cross-site" }, REGISTER);
    expect(foreign.status).toBe(403);
    expect(await logsIn("toby@example.com", NEW_PASSWORD)).toBe(false);

    const done = await send({ token, ...chosen }, {}, REGISTER);
    expect(done.status).toBe(200);
    expect(text(done)).toContain("Log in as toby-flenderson or as toby@example.com");
    expect(done.body).not.toContain(token);
    expect(await logsIn("toby-flenderson", NEW_PASSWORD)).toBe(true);
    for (const again of [await send({ token, ...chosen }, {}, REGISTER), await open(token, {}, `${REGISTER}?token=`)]) {
      expect([again.status, text(again).includes("Your account has already been created")]).toEqual([200, true]);
    }
  });

  test("R25 what is refused comes back with its reason and what was typed, in the reader's language", async () => {
    const token = await register("holly@example.com");
    const refused: [Record<string, string>, number, string, string][] = [
      [{ name: " " }, 422, "Enter your name", "Informe seu nome"],
      [{ name: "李" + "李".repeat(100) }, 422, "Enter your name", "Informe seu nome"],
      [{ username: "Not a username" }, 422, "Use lower-case letters", "Use letras minúsculas"],
      [{ username: "admin" }, 422, "Some names are reserved", "Alguns nomes são reservados"],
      [{ username: "jim-halpert" }, 409, "jim-halpert is taken", "jim-halpert já está em uso"],
      [{ name: "!!!" }, 422, "We cannot make a username", "Não é possível criar"],
      [{ password: "short", password_confirm: "short" }, 422, "It needs at least 12", "pelo menos 12"],
      [{ password_confirm: "another" }, 400, "passwords don't match", "senhas não são iguais"],
    ];
    for (const [more, status, english, portuguese] of refused) {
      const form = { token, ...chosen, name: `Holly "Flax"`, ...more };
      const [en, pt] = [await send(form, {}, REGISTER), await send(form, PORTUGUESE, REGISTER)];
      expect([more, en.status, pt.status]).toEqual([more, status, status]);
      expect(text(en).replaceAll("&#x27;", "'")).toContain(english);
      expect(text(pt)).toContain(portuguese);
      if (!more["name"]) expect(en.body).toContain(`value="Holly &quot;Flax&quot;"`);
      expect(en.body).not.toContain(NEW_PASSWORD);
    }
    expect(text(await send({ token, ...chosen, username: "holly" }, {}, REGISTER))).toContain("Log in as holly");
  });

  test("R27 has one page for every link that is not good, and says when the address has an account", async () => {
    const token = await register("david@example.com");
    const seen = new Set<string>();
    for (const bad of ["x", "", token.toUpperCase(), `${token}=`.repeat(3)]) {
      seen.add((await open(bad, {}, `${REGISTER}?token=`)).body);
    }
    expect(seen.size).toBe(1);
    expect([...seen][0]).toContain("This link no longer works");
    const { access_token } = await api.logIn("michael-scott");
    const json = { name: "David Wallace", email: "david@example.com", dept: "board", password: PASSWORD };
    expect((await api.call("POST", "/user/", { token: access_token, json })).status).toBe(201);
    const taken = await send({ token, ...chosen }, {}, REGISTER);
    expect([taken.status, text(taken).includes("You already have an account")]).toEqual([409, true]);
  });
});

test("the page of an address change moves the account, and says when the address is taken by then", async () => {
  const { username } = await person();
  const change = async (email: string) => {
    const { access_token: token } = await api.logIn(username);
    const json = { email, current_password: PASSWORD };
    expect((await api.call("POST", "/user/me/email/", { token, json })).status).toBe(200);
    return await newestToken(email);
  };
  const taken = await change("moved@example.com");
  const { email: other } = await person();
  await api.sql`update "user" set email = 'moved@example.com' where email = ${other}`;
  const refused = await send({ token: taken }, {}, "/confirm_email");
  expect(refused.status).toBe(409);
  expect(text(refused)).toContain("It belongs to another account now");

  const token = await change("moved-on@example.com");
  expect(text(await open(token, {}, "/confirm_email?token="))).toContain("will use moved-on@example.com from now on");
  const done = await send({ token }, {}, "/confirm_email");
  expect(text(done)).toContain(`Emails for ${username} now go to moved-on@example.com`);
  expect(await logsIn("moved-on@example.com", PASSWORD)).toBe(true);
  const again = await send({ token }, {}, "/confirm_email");
  expect(again.status).toBe(200);
  expect(text(again)).toContain("Your email address has already been changed");
});

test("the page of a freeze says why the last superuser stays", async () => {
  const boss = await api.logIn("michael-scott");
  const json = { email: "thief@example.com", current_password: PASSWORD };
  await api.call("POST", "/user/me/email/", { token: boss.access_token, json });
  const token = await newestToken("mscott@dm.com");
  const refused = await send({ token }, {}, "/freeze_account");
  expect(refused.status).toBe(409);
  expect(text(refused)).toContain("This account cannot be frozen");
  expect(text(await send({ token }, PORTUGUESE, "/freeze_account"))).toContain("Esta conta não pode ser congelada");
  expect(await logsIn("michael-scott", PASSWORD)).toBe(true);
});

test("the page of a freeze stops whoever is moving the account", async () => {
  const { username, email } = await person();
  const thief = await api.logIn(username);
  const json = { email: "thief@example.com", current_password: PASSWORD };
  await api.call("POST", "/user/me/email/", { token: thief.access_token, json });
  const token = await newestToken(email);
  const page = await open(token, {}, "/freeze_account?token=");
  expect(text(page)).toContain("Freeze your account?");
  expect(text(page)).toContain(username);
  expect((await api.call("GET", "/user/me", { token: thief.access_token })).status).toBe(200);
  // A link's token opens the page it was made for, and no other.
  expect(text(await open(token, {}, "/confirm_email?token="))).toContain("This link no longer works");
  expect((await choose(token, NEW_PASSWORD)).status).toBe(403);

  const done = await send({ token }, PORTUGUESE, "/freeze_account");
  expect(done.status).toBe(200);
  expect(text(done)).toContain("A conta está congelada");
  expect((await api.call("GET", "/user/me", { token: thief.access_token })).status).toBe(401);
  expect(await logsIn(username, PASSWORD)).toBe(false);
  for (const again of [await send({ token }, {}, "/freeze_account"), await open(token, {}, "/freeze_account?token=")]) {
    expect(again.status).toBe(200);
    expect(text(again)).toContain("The account is already frozen");
  }
  await api.sql`update "user" set disabled_at = null where username = ${username}`;
  expect((await send({ token }, {}, "/freeze_account")).status).toBe(403);
});

test("APP_URL is where every page leads to, and without it they lead to the front page", async () => {
  await using branded = await startApi({ APP_URL: "https://app.example.com/in/", SUPPORT_ADDRESS: "help@example.com" });
  expect(branded.deps.config.brand.appUrl).toBe("https://app.example.com/in");
  for (const [path, language, words] of [
    [PAGE, "en", "Log in"],
    [`${PAGE}?pwd_reset_token=x`, "pt-BR", "Entrar"],
    ["/confirm_email?token=x", "en", "Log in"],
    ["/freeze_account?token=x", "pt-BR", "Entrar"],
    ["/", "en", "Log in"],
  ] as const) {
    const { body } = await branded.call("GET", path, { headers: { "accept-language": language } });
    expect(body).toContain(`href="https://app.example.com/in">${words}</a>`);
    expect(body).toContain('<a href="mailto:help@example.com">');
  }
  const { username, email } = await person();
  const done = await choose(await linkFor(email), NEW_PASSWORD);
  expect(text(done)).toContain(username);
  expect(done.body).toContain('<a href="./">Go to the start page</a>');
});

test("without a support address no page names one, least of all the sender's", async () => {
  const { email } = await person();
  for (const page of [await open(await linkFor(email)), await open("x"), await api.call("GET", "/")]) {
    expect(page.body).not.toMatch(/mailto:|no-reply|Questions|null/);
  }
});

test("the front page says what this is, and names the development pages in development only", async () => {
  const page = await api.call("GET", "/");
  expect(page.status).toBe(200);
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(text(page)).toContain("This server keeps the accounts of Ink &amp; Paper");
  expect(page.body).toContain('href="./reset_password"');
  expect(page.body).not.toMatch(/href="\.\/(docs|inbox|outbox)"/);
  const portuguese = await api.call("GET", "/", { headers: PORTUGUESE });
  expect(portuguese.body).toContain('<html lang="pt-BR">');
  await using embedded = await startApi({ DATABASE_URL: "", SMTP_URL: "inbox" });
  const development = (await embedded.call("GET", "/")).body;
  for (const path of ["docs", "inbox", "outbox"]) expect(development).toContain(`href="./${path}"`);
  await using off = await startApi({ DATABASE_URL: "", SMTP_URL: "inbox", DOCS: "off", OUTBOX: "off" });
  const less = (await off.call("GET", "/")).body;
  expect(less).toContain('href="./inbox"');
  expect(less).not.toMatch(/href="\.\/(docs|outbox)"/);
  for (const path of ["/docs", "/docs/json", "/openapi.json", "/outbox", "/outbox/email"]) {
    expect([path, (await off.call("GET", path)).status]).toEqual([path, 404]);
    expect([path, (await embedded.call("GET", path)).status]).toEqual([path, 200]);
  }
});
