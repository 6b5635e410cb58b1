/** Asking for a reset, clients and their limits, guesses of passwords. */
import type { Mutant } from "./mutant.ts";

export const REQUESTS: readonly Mutant[] = [
  {
    promise: "R1 an unknown address is answered like a known one",
    file: "src/accounts/password-reset.ts",
    text: "  await deps.outbox.accept(",
    becomes: `  const known = await deps.db.orm.execute(\`select 1 from "user" where email = '\${email}' and disabled_at is null\`);
  if (known.length === 0) throw new Error("There is no such account.");
  await deps.outbox.accept(`,
    test: "reset-request.test.ts",
    name: "R1 is the same, byte for byte",
  },
  {
    promise: "R2 a request looks no account up",
    file: "src/accounts/password-reset.ts",
    text: "  await deps.outbox.accept(",
    becomes: `  await deps.db.orm.execute(\`select 1 from "user" where email = '\${email}'\`);
  await deps.outbox.accept(`,
    test: "reset-request.test.ts",
    name: "R2 costs the same statements",
  },
  {
    promise: "R3 the answer waits for no email server",
    file: "src/accounts/password-reset.ts",
    text: "  await deps.outbox.accept(",
    becomes: `  const { hostname, port } = new URL(deps.config.smtpUrl);
  (await Bun.connect({ hostname, port: Number(port), socket: { data() {} } })).end();
  await deps.outbox.accept(`,
    test: "reset-request.test.ts",
    name: "R3 shows nothing of a mail failure",
  },
  {
    promise: "R4 a malformed address is refused",
    file: "src/http/passwords.ts",
    text: `        if (!email) throw new InvalidInput(BAD_ADDRESS, "email", "invalid-address");
`,
    becomes: `        if (!email) return RESET_ANSWER;
`,
    test: "reset-request.test.ts",
    name: "R4 a malformed address",
  },
  {
    promise: "R5 an account gets three resets in a burst",
    file: "src/mail/kinds.ts",
    text: `limit: { burst: 3, refillSeconds: 300 },
    link: { purpose: "password_reset"`,
    becomes: `limit: { burst: 30, refillSeconds: 300 },
    link: { purpose: "password_reset"`,
    test: "courier.test.ts",
    name: "R5 ends rate_limited",
  },
  {
    promise: "R7 a peer that is not trusted is the client",
    file: "src/http/client-address.ts",
    text: "if (proxy === null || !isTrusted(proxy, trusted)) return proxy;",
    becomes: "if (proxy === null) return proxy;",
    test: "limits.test.ts",
    name: "R7 forwarding headers of a peer",
  },
  {
    promise: "R7 hops of our own proxies are passed over",
    file: "src/http/client-address.ts",
    text: `    if (!isTrusted(hop, trusted)) break;
`,
    becomes: `    break;
`,
    test: "proxies.test.ts",
    name: "from a trusted proxy is of",
  },
  {
    promise: "R7 a hop that hides its address ends the search",
    file: "src/http/client-address.ts",
    text: `    if (hop === null) break;
`,
    becomes: `    if (hop === null) continue;
`,
    test: "proxies.test.ts",
    name: "from a trusted proxy is of",
  },
  {
    promise: "R7 of two headers that disagree neither is believed",
    file: "src/http/client-address.ts",
    text: "if (byList !== null && byForwarded !== null && byList !== byForwarded) return proxy;",
    becomes: "",
    test: "proxies.test.ts",
    name: "from a trusted proxy is of",
  },
  {
    promise: "R9 asking changes nothing of the account",
    file: "src/accounts/password-reset.ts",
    text: "  await deps.outbox.accept(",
    becomes: `  await deps.db.orm.execute(\`update session set revoked_at = now(), revoked_for = 'password_reset'\`);
  await deps.outbox.accept(`,
    test: "reset-request.test.ts",
    name: "R9 asking changes nothing",
  },
  {
    promise: "R10 a flood of requests locks no account",
    file: "src/accounts/password-reset.ts",
    text: "  await deps.outbox.accept(",
    becomes: `  await deps.db.orm.execute(\`update "user" set disabled_at = now() where email = '\${email}'\`);
  await deps.outbox.accept(`,
    test: "reset-request.test.ts",
    name: "R10 a flood of requests",
  },
  {
    promise: "R11 exactly one address is read from a request",
    file: "src/http/passwords.ts",
    text: "const email = normaliseAddress(body.email);",
    becomes: 'const email = normaliseAddress(body.email.split(",")[0] ?? "");',
    test: "input.test.ts",
    name: "R11 exactly one text",
  },
  {
    promise: "R12 an address has one spelling, which is stored",
    file: "src/addresses.ts",
    text: "${local.toLowerCase()}@${domain}",
    becomes: "${local}@${domain}",
    test: "accounts.test.ts",
    name: "an address is unique whatever its spelling",
  },
  {
    promise: "R13 links lead to the configured host",
    file: "src/mailers/password-reset.ts",
    text: "context.config.resetUrl",
    becomes: 'context.config.resetUrl.replace("accounts.", "evil.")',
    test: "reset-request.test.ts",
    name: "R13 has links",
  },
  {
    promise: "R14 no redirect is taken from a request",
    file: "src/http/passwords.ts",
    text: 'title: "PasswordResetRequest", additionalProperties: false',
    becomes: 'title: "PasswordResetRequest", additionalProperties: true',
    test: "reset-request.test.ts",
    name: "R14 takes no redirect",
  },
  {
    promise: "R42 a device token is of one account",
    file: "src/accounts/device-tokens.ts",
    text: "`${accountId}\\0${id}\\0${issuedAt}`",
    becomes: "`${id}\\0${issuedAt}`",
    test: "limits.test.ts",
    name: "R42 a device token is of one account",
  },
  {
    promise: "R42 a device token ends after a year",
    file: "src/accounts/device-tokens.ts",
    text: "return signed && ageDays < LIFETIME_DAYS ? id : null;",
    becomes: "return signed ? id : null;",
    test: "limits.test.ts",
    name: "R42 a device token is of one account",
  },
  {
    promise: "R42 a clock that was set back locks no login",
    file: "src/accounts/guess-counts.ts",
    text: "const CLOCK_SLACK_SECONDS = 60;",
    becomes: "const CLOCK_SLACK_SECONDS = 864_000;",
    test: "limits.test.ts",
    name: "R42 a database clock that was set back",
  },
  {
    promise: "R42 guesses in a session are counted",
    file: "src/accounts/login-throttle.ts",
    text: "chargeSession: (sessionId) => take([{ key: `by-session:${sessionId}`, allowance: PER_SESSION }]),",
    becomes: "chargeSession: async () => FREE,",
    test: "limits.test.ts",
    name: "R40 R42 guesses of the current password",
  },
  {
    promise: "R42 nothing that is typed is stored",
    file: "src/accounts/login-throttle.ts",
    text: 'new Bun.CryptoHasher("sha256").update(text).digest("base64url").slice(0, 22)',
    becomes: "text",
    test: "limits.test.ts",
    name: "R42 an account that does not exist",
  },
  {
    promise: "a right password forgives what its client did wrong",
    file: "src/accounts/login-throttle.ts",
    text: `        await forget(db, [own.key]);
`,
    becomes: "",
    test: "limits.test.ts",
    name: "a right password forgives",
  },
  {
    promise: "a guess that was not compared is not counted",
    file: "src/accounts/login-throttle.ts",
    text: "refund: () => uncount(db, counted),",
    becomes: "refund: async () => {},",
    test: "limits.test.ts",
    name: "a guess that nobody compared",
  },
  {
    promise: "a new password by a link forgives the guesses before",
    file: "src/accounts/login-throttle.ts",
    text: "[username, email].flatMap((login) => Object.values(keysOf(login, ip))),",
    becomes: "[],",
    test: "limits.test.ts",
    name: "whoever forgot, guessed too often",
  },
  {
    promise: "R26 tokens are not tried in bulk",
    file: "src/http/limits.ts",
    text: "link: { quota: 20",
    becomes: "link: { quota: 200",
    test: "limits.test.ts",
    name: "R26 trying tokens is limited",
  },
];
