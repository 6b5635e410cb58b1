/** What must hold of every answer, whatever was sent by whomever. */
import { accountOf, refsIn, SECRETS, type AccountName, type Possession, type Ref } from "./refs.ts";
import type { Effect } from "./effects.ts";
import { refsOf, type Attack } from "./requests.ts";
import type { Reply, Wire } from "./wire.ts";
import type { Account } from "./world.ts";

export interface Case {
  readonly attack: Attack;
  readonly wire: Wire;
  readonly reply: Reply;
  readonly effects: readonly Effect[];
  readonly logLines: readonly string[];
  readonly accounts: ReadonlyMap<AccountName, Account>;
  readonly valueOf: (ref: Ref) => string;
}

/** @returns what is wrong, each in a sentence. */
export function judge(one: Case): string[] {
  const { reply, wire } = one;
  if (reply.status === 0) return isMalformed(wire) ? [] : ["the connection was closed without an answer"];
  if (isServersOwn(one))
    return isMalformed(wire) ? effectsOfRefusal(one) : [`${reply.status} before the app was asked`];
  return [
    ...statusOf(one),
    ...headersOf(one),
    ...bodyOf(one),
    ...wordsOf(one),
    ...logOf(one),
    ...(reply.status >= 400 ? effectsOfRefusal(one) : effectsOfSuccess(one)),
  ];
}

/** Bun's parser of HTTP refuses some requests by itself: they reach no code of ours, and get none of our headers. */
const isServersOwn = ({ reply }: Case): boolean =>
  !reply.headers.has("x-request-id") && [400, 413, 414, 431, 501, 505].includes(reply.status);

/** No HTTP: a target or a header that RFC 9112 does not allow, or is larger than any server takes. */
function isMalformed({ target, headers, body, method }: Wire): boolean {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return (
    !/^(\/|https?:)/.test(target) ||
    /[^\x21-\x7e]/.test(target) ||
    lines.some((line) => /[\0\r\n]/.test(line)) ||
    headers.some(([name, value]) => name === "host" && !/^[\w.:[\]-]+$/.test(value)) ||
    lines.join().length + target.length > 8_000 ||
    (body?.length ?? 0) > 64 * 1024 ||
    (method === "TRACE" && body !== null)
  );
}

/** What any route may answer, as the document's general part says; the rest is documented where it happens. */
function statusOf({ attack, reply }: Case): string[] {
  const { operation, method, turn } = attack;
  if (reply.status >= 500 && !operation.answers.has(reply.status)) return [`${reply.status}`];
  const straight = turn === null && (method === operation.method || (method === "HEAD" && operation.method === "GET"));
  const known = straight && !hasStrangePath(attack) ? [] : [200, 204, 302, 400, 401, 403, 404, 405, 413, 415, 422, 429];
  return operation.answers.has(reply.status) || known.includes(reply.status)
    ? []
    : [`${reply.status} is not documented for ${operation.id}`];
}

/** A segment that is empty, a dot, or the name of something else leads to another route. */
const hasStrangePath = ({ path }: Attack): boolean =>
  Object.values(path).some((value) => /^(\.{0,2}|me|stats|password|pwd_reset_token)$/.test(value));

const REQUIRED: readonly (readonly [string, RegExp])[] = [
  ["x-content-type-options", /^nosniff$/],
  ["content-security-policy", /frame-ancestors 'none'/],
  ["referrer-policy", /^no-referrer$/],
  ["cross-origin-resource-policy", /^same-origin$/],
  ["x-request-id", /^[0-9a-f-]{36}$/],
];
const FORBIDDEN = ["server", "x-powered-by", "set-cookie", "access-control-allow-origin"];
const ALONGSIDE: Readonly<Record<number, string>> = {
  401: "www-authenticate",
  405: "allow",
  429: "retry-after",
  503: "retry-after",
};

function headersOf({ attack, reply }: Case): string[] {
  const { headers, status } = reply;
  const alongside = ALONGSIDE[status];
  return [
    ...REQUIRED.flatMap(([name, value]) =>
      value.test(headers.get(name) ?? "") ? [] : [`${status} with ${name}: ${headers.get(name)}`],
    ),
    ...FORBIDDEN.flatMap((name) => (headers.has(name) ? [`${name} is sent: ${headers.get(name)}`] : [])),
    ...(alongside && !headers.has(alongside) ? [`${status} without ${alongside}`] : []),
    // What is refused, and what one account may see, is for no cache (R48).
    ...((status >= 400 || (status === 200 && attack.operation.locked && attack.role !== "anonymous")) &&
    isStraight(attack) &&
    headers.get("cache-control") !== "no-store"
      ? [`${status} with cache-control: ${headers.get("cache-control")}`]
      : []),
  ];
}

const isStraight = ({ turn, method, operation, authorization }: Attack): boolean =>
  turn === null && method === operation.method && authorization === null;

function bodyOf({ attack, reply }: Case): string[] {
  const { operation, method, turn } = attack;
  const type = reply.headers.get("content-type")?.split(";")[0] ?? null;
  if (method === "HEAD") return [];
  if (reply.status >= 400) {
    // A page of its own, or a refusal as one for whoever asks for pages.
    if (type === "text/html" && (turn !== null || reply.status === 429)) return [];
    if (type !== "application/problem+json") return [`${reply.status} as ${type}: ${reply.text.slice(0, 100)}`];
  }
  const documented = operation.answers.get(reply.status);
  if (!documented || (reply.status < 400 && (turn !== null || method !== operation.method || hasStrangePath(attack)))) {
    return [];
  }
  if (documented.contentType !== null && type !== documented.contentType) return [`${reply.status} as ${type}`];
  const body: unknown = type?.includes("json") ? parse(reply.text) : reply.text;
  const wrong = documented.check(body);
  return [
    ...(wrong === null ? [] : [`the body of ${reply.status} is not as documented: ${wrong}`]),
    ...(reply.status >= 400 && (body as { status?: unknown }).status !== reply.status ? ["another status inside"] : []),
  ];
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return `not JSON: ${text.slice(0, 100)}`;
  }
};

/** Longer than a word that an answer might hold by chance. */
const TELLING = 10;
const INNARDS = /\bat .*\.(ts|js):\d|node_modules|PostgresError|\$argon2|violates|syntax error at|select .* from "/;

/** Of the accounts of the world and of the staff; the attack writes none of them where everybody may read it. */
const ADDRESS = /\d@example\.org|(dschrute|jhalpert|pbeesly|amartin)@dm\.com/;

/** What an answer may not say: what was sent in confidence, whose address is whose, how we are made. */
function wordsOf(one: Case): string[] {
  const { attack, reply, wire, accounts } = one;
  const sent = sentOf(wire);
  const inWords = escaped(reply.text);
  const superuser = attack.role === "superuser";
  const strangers = [...accounts].filter(([name]) => !namesIn(attack).has(name) && accountOf(attack.role) !== name);
  return [
    ...confidencesOf(one).flatMap((secret) => (inWords.includes(secret) ? [`the answer holds ${secret}`] : [])),
    ...(INNARDS.test(reply.text) && !INNARDS.test(sent) ? [`the answer shows its innards: ${reply.text}`] : []),
    ...(superuser
      ? []
      : strangers.flatMap(([name, { email }]) =>
          reply.text.includes(email) ? [`the answer shows ${name}'s address`] : [],
        )),
    ...(attack.role === "anonymous" && ADDRESS.test(reply.text) && !sent.includes("@")
      ? ["the answer shows somebody's address to anybody"]
      : []),
  ];
}

function logOf(one: Case): string[] {
  const log = one.logLines.join("\n");
  return [
    ...(log.includes('"request_failed"') ? [`a fault was logged: ${log.slice(0, 1_500)}`] : []),
    ...confidencesOf(one).flatMap((secret) => (log.includes(secret) ? [`the log holds ${secret}`] : [])),
  ];
}

/** Passwords and tokens that were sent where such are sent; a path or an address is no place for one. */
function confidencesOf({ attack, valueOf }: Case): string[] {
  const { body, query, role } = attack;
  const known = refsIn(JSON.stringify([body, query]), role)
    .filter(({ what }) => SECRETS.has(what))
    .map(valueOf);
  const fields = typeof body?.content === "string" ? parse(body.content) : Object.fromEntries(body?.content ?? []);
  const typed = ["password", "password_confirm", "current_password", "pwd_reset_token", "refresh_token", "token"]
    .map((name) => (fields as Record<string, unknown> | null)?.[name])
    .filter((value): value is string => typeof value === "string" && !value.includes("«"));
  return [...known, ...typed.filter((text) => text.length >= TELLING && !/^[\w\s.-]+$/.test(text))];
}

const namesIn = (attack: Attack): Set<AccountName> =>
  new Set(
    refsIn(JSON.stringify([attack.path, attack.query, attack.headers, attack.body]), attack.role).map((r) => r.account),
  );

const sentOf = ({ target, headers, body }: Wire): string =>
  `${target} ${decoded(target)} ${headers.join(" ")} ${body ? Buffer.from(body).toString("utf8") : ""}`;

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** As it reads, and as JSON writes it. */
const escaped = (text: string): string => `${text}\n${text.replaceAll('\\"', '"').replaceAll("\\\\", "\\")}`;

/** A refusal may be counted and told, and a spent refresh token ends its session: nothing else happens. */
function effectsOfRefusal({ attack, effects }: Case): string[] {
  const reuse = attack.operation.path === "/refresh_token";
  return effects
    .filter(({ table, change }) => {
      if (table === "login_throttle") return false;
      if (table === "audit_event") return change !== "INSERT";
      return !(reuse && table === "session" && change === "UPDATE");
    })
    .map((effect) => `a refusal had an effect: ${tell(effect)}`);
}

/** What opens which account without a login. */
const KEYS: Readonly<Record<string, readonly Possession[]>> = {
  "/token": ["password"],
  "/refresh_token": ["refresh"],
  "/revoke": ["refresh", "access"],
  "/user/password/": ["reset"],
  "/user/{username}/password/": ["reset"],
  "/email/confirm/": ["verify", "change"],
  "/email/freeze/": ["freeze"],
};

/** Nothing changes but what whoever asked may change: an account by its owner, by a key to it, or by a superuser. */
function effectsOfSuccess(one: Case): string[] {
  const { attack, effects, accounts } = one;
  if (["GET", "HEAD", "OPTIONS"].includes(attack.method)) {
    return effects.map((effect) => `${attack.method} had an effect: ${tell(effect)}`);
  }
  const mine = accounts.get(accountOf(attack.role) ?? "owner")?.id ?? "";
  const opened = refsOf(attack)
    .filter(({ what }) => KEYS[attack.operation.path]?.includes(what))
    .map(({ account }) => accounts.get(account)?.id ?? "");
  const allowed = new Set([...opened, ...(attack.role === "anonymous" ? [] : [mine])]);
  const superuser = attack.role === "superuser";
  const accused = effects.filter((effect) => {
    if (superuser || effect.table === "login_throttle" || isForAnybody(effect, one)) return false;
    return effect.owner === null || !allowed.has(effect.owner) || isPrivileged(effect, one);
  });
  const untold =
    effects.some(({ table, before }) => table === "user" && before?.["pending_username"] === null) &&
    !effects.some(({ table }) => table === "audit_event");
  return [
    ...accused.map((effect) => `no permission for this effect: ${tell(effect)}`),
    ...(untold ? ["an account was changed and the audit does not know"] : []),
  ];
}

/** Whoever is anybody may ask for a letter to any address, and register one that nobody has proved. */
function isForAnybody({ table, change, before, after, owner }: Effect, { attack, effects }: Case): boolean {
  const row = after ?? before ?? {};
  if (attack.operation.path === "/user/pwd_reset_token/") {
    return table === "message" && change === "INSERT" && row["kind"] === "password_reset";
  }
  if (attack.operation.path !== "/register/" || change === "DELETE") return false;
  switch (table) {
    case "user":
      return row["pending_username"] !== null;
    case "message":
      return change === "INSERT" && /^(registration_known|email_verification)$/.test(String(row["kind"]));
    case "audit_event":
      return change === "INSERT" && /^(registered|registration_known)$/.test(String(row["action"]));
    case "one_time_token":
      // The link of a registration that this one replaces.
      return row["purpose"] === "email_verification" && effects.some((e) => e.table === "user" && e.owner === owner);
    default:
      return false;
  }
}

/** What even its owner does not change of an account without more. */
function isPrivileged({ table, change, before, after }: Effect, { attack }: Case): boolean {
  if (table !== "user" || change !== "UPDATE") return false;
  const moved = (column: string) => before?.[column] !== after?.[column];
  const refs = new Set(refsOf(attack).map(({ what }) => what));
  const has = (...some: Possession[]) => some.some((what) => refs.has(what));
  return (
    ["id", "dept", "name", "username", "currency", "created_at"].some(moved) ||
    (moved("email") && !has("change")) ||
    (moved("email_verified_at") && !has("verify", "change", "reset")) ||
    (moved("disabled_at") && !has("freeze")) ||
    (moved("password_hash") && !has("password", "reset", "freeze"))
  );
}

const tell = ({ table, change, before, after, owner }: Effect): string =>
  `${change} ${table} of ${owner}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`.slice(0, 1_000);

/** For the tally. */
export const isGood = (status: number, { method, turn, operation }: Attack): boolean =>
  status < 400 && method === operation.method && turn === null;
