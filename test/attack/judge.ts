/** The rules that every answer must obey, for every request and every sender. */
import { effectsOfRefusal, effectsOfSuccess } from "./authority.ts";
import type { Case } from "./case.ts";
import { LISTED_ORIGIN } from "./hostile.ts";
import { accountOf, refsIn, SECRETS, type AccountName } from "./refs.ts";
import type { Attack } from "./requests.ts";
import type { Wire } from "./wire.ts";

/** @returns a sentence for each rule that was broken. */
export function judge(one: Case): string[] {
  const { reply, wire } = one;
  if (reply.status === 0) return isMalformed(wire) ? [] : ["the connection was closed without an answer"];
  if (isServersOwn(one))
    return isMalformed(wire) ? effectsOfRefusal(one) : [`${reply.status} before the app was asked`];
  return [
    ...statusOf(one),
    ...accessOf(one),
    ...bytesOf(one),
    ...corsOf(one),
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

/** Not HTTP: RFC 9112 does not allow the target or a header, or it is larger than a server accepts. */
function isMalformed({ target, headers, body, method }: Wire): boolean {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return (
    !/^(\/|https?:)/.test(target) ||
    /[^\x21-\x7e]/.test(target) ||
    lines.some((line) => /[\0\r\n]/.test(line)) ||
    headers.some(([name, value]) => name === "host" && !/^[\w.:[\]-]+$/.test(value)) ||
    lines.join().length + target.length > 8_000 ||
    (method === "TRACE" && body !== null)
  );
}

/** What other operations may answer: another method or path leads to one of those, or to none. */
const OF_ANOTHER_OPERATION = [200, 201, 204, 302, 304, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429];

/** Statuses that every route may answer by the document's general part. All others are documented at the route. */
function statusOf({ attack, reply, wire }: Case): string[] {
  const { operation, method, turn } = attack;
  if (reply.status >= 500 && !operation.answers.has(reply.status)) return [`${reply.status}`];
  const straight = turn === null && (method === operation.method || (method === "HEAD" && operation.method === "GET"));
  const known = straight && !hasStrangePath(attack, wire) ? [] : OF_ANOTHER_OPERATION;
  return operation.answers.has(reply.status) || known.includes(reply.status)
    ? []
    : [`${reply.status} is not documented for ${operation.id}`];
}

/** Statuses that are decided before the caller is known: malformed HTTP, a limit, a size. */
const BEFORE_ACCESS: ReadonlySet<number> = new Set([400, 413, 429]);

/** A caller without permission learns nothing else, even when more is wrong with the request. */
function accessOf({ attack, reply, wire }: Case): string[] {
  const { access } = attack.operation.facts;
  if (!isStraight(attack) || hasStrangePath(attack, wire) || access === "public" || BEFORE_ACCESS.has(reply.status))
    return [];
  if (access === "owner-or-link") return [];
  const wanted = attack.role === "anonymous" ? 401 : access === "superuser" && attack.role !== "superuser" ? 403 : null;
  const challenge = reply.headers.get("www-authenticate") ?? "";
  return [
    ...(wanted === null || reply.status === wanted ? [] : [`${reply.status} to ${attack.role}, not ${wanted}`]),
    ...(wanted === 403 && !challenge.includes('error="insufficient_scope"') ? [`403 with ${challenge}`] : []),
  ];
}

/** Bytes that are not UTF-8 and other charsets are never accepted where a body is read. */
function bytesOf({ attack, reply, wire }: Case): string[] {
  const { facts } = attack.operation;
  if (!isStraight(attack) || (facts.body ?? "none") === "none" || !wire.body?.length || reply.status >= 400) return [];
  const type = wire.headers.find(([name]) => name === "content-type")?.[1] ?? "";
  return [
    ...(isUtf8(wire.body) ? [] : ["bytes that are not UTF-8 are accepted"]),
    ...(/charset="?(?!utf-8)/i.test(type) ? [`a body of the type ${type} is accepted`] : []),
  ];
}

const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
};

/** Every answer to a page of the listed origin says that it may be read, errors too; no other origin is told so. */
function corsOf({ reply, wire }: Case): string[] {
  const origins = wire.headers.filter(([name]) => name === "origin").map(([, value]) => value);
  if (origins.length > 1) return [];
  const allowed = reply.headers.get("access-control-allow-origin");
  const wanted = origins[0] === LISTED_ORIGIN ? LISTED_ORIGIN : null;
  return allowed === wanted ? [] : [`${reply.status} to ${origins[0]} with access-control-allow-origin: ${allowed}`];
}

/** A segment that is empty, a dot, or the name of something else leads to another route. */
const hasStrangePath = ({ path }: Attack, { target }: Wire): boolean =>
  target.split("?")[0]?.includes("//") === true ||
  Object.values(path).some((value) => /^(\.{0,2}|me|stats|password|pwd_reset_token)$/.test(value));

const REQUIRED: readonly (readonly [string, RegExp])[] = [
  ["x-content-type-options", /^nosniff$/],
  ["content-security-policy", /frame-ancestors 'none'/],
  ["referrer-policy", /^no-referrer$/],
  ["cross-origin-resource-policy", /^same-origin$/],
  ["x-request-id", /^[0-9a-f-]{36}$/],
];
const FORBIDDEN = ["server", "x-powered-by", "set-cookie"];
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
    // A refusal, and an answer for one account only, must not be cached (R48).
    ...((status >= 400 || (status === 200 && attack.operation.locked && attack.role !== "anonymous")) &&
    isStraight(attack) &&
    headers.get("cache-control") !== "no-store"
      ? [`${status} with cache-control: ${headers.get("cache-control")}`]
      : []),
  ];
}

const isStraight = ({ turn, method, operation, authorization }: Attack): boolean =>
  turn === null && method === operation.method && authorization === null;

function bodyOf({ attack, reply, wire }: Case): string[] {
  const { operation, method, turn } = attack;
  const type = reply.headers.get("content-type")?.split(";")[0] ?? null;
  if (method === "HEAD") return [];
  if (reply.status >= 400) {
    // A page of dundie, or a refusal that is a page because the client accepts HTML.
    if (type === "text/html" && (turn !== null || reply.status === 429)) return [];
    if (type !== "application/problem+json") return [`${reply.status} as ${type}: ${reply.text.slice(0, 100)}`];
  }
  const documented = operation.answers.get(reply.status);
  if (
    !documented ||
    (reply.status < 400 && (turn !== null || method !== operation.method || hasStrangePath(attack, wire)))
  ) {
    return [];
  }
  if (documented.contentType !== null && type !== documented.contentType) return [`${reply.status} as ${type}`];
  const body: unknown = type?.includes("json") ? parse(reply.text) : reply.text;
  const wrong = documented.check(body);
  const oauth = operation.facts.oauthErrors ?? false;
  return [
    ...(wrong === null ? [] : [`the body of ${reply.status} is not as documented: ${wrong}`]),
    ...(reply.status >= 400 && (body as { status?: unknown }).status !== reply.status ? ["another status inside"] : []),
    ...(isStraight(attack) && reply.status >= 400 && !isNoHttp(body) && "error" in (body as object) !== oauth
      ? [`an OAuth error ${oauth ? "is missing" : "where none belongs"}`]
      : []),
  ];
}

/** A request that is not HTTP is refused before its route is known. */
const isNoHttp = (body: unknown): boolean =>
  (body as { type?: unknown }).type === "urn:dundie:problem:malformed-request";

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

/** Addresses of the accounts and of the staff. The attack writes none of them into a field that is public. */
const ADDRESS = /\d@example\.org|(dschrute|jhalpert|pbeesly|amartin)@dm\.com/;

/** An answer must not contain secrets that were sent, addresses of other accounts, or internals. */
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
      ? ["the answer shows an account's address to the public"]
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

/** Passwords and tokens in the fields that are meant for them. Those in a path or an address do not count. */
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

/** The text itself, and as it is escaped in JSON. */
const escaped = (text: string): string => `${text}\n${text.replaceAll('\\"', '"').replaceAll("\\\\", "\\")}`;

/** Whether the request was let through. */
export const isGood = (status: number, { method, turn, operation }: Attack): boolean =>
  status < 400 && method === operation.method && turn === null;
