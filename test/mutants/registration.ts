/** Registrations, and the emails that a person can cause. */
import type { Mutant } from "./mutant.ts";

export const REGISTRATION: readonly Mutant[] = [
  {
    promise: "R61 an older link lives until one succeeds",
    file: "src/mailers/prepare-registrations.ts",
    text: "await storeDigests(tx, KIND, verdicts, context);",
    becomes: `await tx\`update one_time_token set revoked_at = now() where sent_to = any(\${candidates.map(({ address }) => address)})\`;
  await storeDigests(tx, KIND, verdicts, context);`,
    test: "registration.test.ts",
    name: "R61 an older link works",
  },
  {
    promise: "R61 the first success ends the other links",
    file: "src/accounts/registration.ts",
    text: "revokedAt: sql`case when ${oneTimeToken.consumedAt} is null then now() end`",
    becomes: "revokedAt: null",
    test: "registration.test.ts",
    name: "R61 a stranger who registers",
  },
  {
    promise: "R61 the username is chosen at the link",
    file: "src/http/registration.ts",
    text: "await requestRegistration(deps, body.email, context);",
    becomes: "await requestRegistration(deps, body.email, { ...context, requestId: body.name ?? null });",
    test: "registration.test.ts",
    name: "R61 what was typed before",
  },
  {
    promise: "R61 an address that nobody proved is forgotten",
    file: "src/db/purge.ts",
    text: "set requested_email = null, recipient = null",
    becomes: "set requested_email = null",
    test: "registration.test.ts",
    name: "R61 the address of a registration",
  },
  {
    promise: "R18 of two links of an address one creates the account",
    file: "src/accounts/registration.ts",
    text: 'if (!(await consumeToken(tx, link.messageId))) throw new Forbidden(BAD_LINK, "invalid-link");',
    becomes: "await consumeToken(tx, link.messageId);",
    test: "registration.test.ts",
    name: "R18 of parallel uses",
  },
  {
    promise: "R5 sub-addresses of a mailbox share the limit",
    file: "src/accounts/addresses.ts",
    text: 'const local = address.slice(0, at).replace(/(?<=.)\\+.*$/, "");',
    becomes: "const local = address.slice(0, at);",
    test: "registration.test.ts",
    name: "R5 a stranger cannot flood",
  },
  {
    promise: "R5 dots of Gmail's addresses are folded",
    file: "src/accounts/addresses.ts",
    text: '`${local.replaceAll(".", "")}@${dotless}`',
    becomes: "`${local}@${dotless}`",
    test: "registration.test.ts",
    name: "R5 a stranger cannot flood",
  },
  {
    promise: "R22 a registration's token opens nothing else",
    file: "src/accounts/one-time-tokens.ts",
    text: 'eq(oneTimeToken.purpose, "registration"), isNull(oneTimeToken.userId)',
    becomes: "sql`true`",
    test: "registration.test.ts",
    name: "R22 a registration's token",
  },
];
