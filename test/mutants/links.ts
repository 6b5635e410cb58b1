/** The links in emails, their tokens, and what they do. */
import type { Mutant } from "./mutant.ts";

export const LINKS: readonly Mutant[] = [
  {
    promise: "R16 a token is derived by a secret key",
    file: "src/accounts/one-time-tokens.ts",
    text: 'new Bun.CryptoHasher("sha256", key.derive(`one-time-token/${purpose}`))',
    becomes: 'new Bun.CryptoHasher("sha256")',
    test: "one-time-links.test.ts",
    name: "R16 a token has 256 bits",
  },
  {
    promise: "R16 a token has 256 bits",
    file: "src/accounts/one-time-tokens.ts",
    text: '.update(`${purpose}\\0${messageId}`).digest("base64url")',
    becomes: '.update(`${purpose}\\0${messageId}`).digest("base64url").slice(0, 22).padEnd(43, "A")',
    test: "one-time-links.test.ts",
    name: "R16 a token has 256 bits",
  },
  {
    promise: "R17 a digest of a token is stored, not the token",
    file: "src/accounts/one-time-tokens.ts",
    text: 'return new Uint8Array(new Bun.CryptoHasher("sha256").update(token).digest().buffer);',
    becomes: 'return new Uint8Array(Buffer.from(token, "base64url"));',
    test: "one-time-links.test.ts",
    name: "R17 neither the database nor the log",
  },
  {
    promise: "R17 the log drops the query, which may carry a token",
    file: "src/http/edge.ts",
    text: `        path,
        status,`,
    becomes: `        path: request.url,
        status,`,
    test: "one-time-links.test.ts",
    name: "R17 neither the database nor the log",
  },
  {
    promise: "R18 a token is used only where it was not used before",
    file: "src/accounts/one-time-tokens.ts",
    text: `        eq(oneTimeToken.messageId, messageId),
        gt(oneTimeToken.expiresAt, sql\`now()\`),
        isNull(oneTimeToken.consumedAt),`,
    becomes: `        eq(oneTimeToken.messageId, messageId),
        gt(oneTimeToken.expiresAt, sql\`now()\`),`,
    test: "one-time-links.test.ts",
    name: "R18 of fifty parallel uses",
  },
  {
    promise: "R19 a reset's token lives for ten minutes",
    file: "src/mailers/pin.ts",
    text: "config.resetTokenMinutes * 60",
    becomes: "config.resetTokenMinutes * 3_600",
    test: "one-time-links.test.ts",
    name: "R19 a token is dead after",
  },
  {
    promise: "R19 a page does not offer an expired link",
    file: "src/accounts/one-time-tokens.ts",
    text: `    eq(oneTimeToken.digest, digestOf(token)),
    gt(oneTimeToken.expiresAt, sql\`now()\`),`,
    becomes: "    eq(oneTimeToken.digest, digestOf(token)),",
    test: "reset-page.test.ts",
    name: "R27 every link that is not good",
  },
  {
    promise: "R20 the first success ends every other link",
    file: "src/accounts/password-change.ts",
    text: `    await revokeTokens(tx, userId);
`,
    becomes: "",
    test: "one-time-links.test.ts",
    name: "R20 an older link lives",
  },
  {
    promise: "R20 the first success ends what is not yet sent",
    file: "src/accounts/password-change.ts",
    text: `      credentialsOrdinal: nextOrdinal,
      ...(provesAddress`,
    becomes: "      ...(provesAddress",
    test: "one-time-links.test.ts",
    name: "R20 an older link lives",
  },
  {
    promise: "R21 a change of the address ends every link",
    file: "src/accounts/email-confirmation.ts",
    text: `  await revokeTokens(tx, account.id);
`,
    becomes: "",
    test: "one-time-links.test.ts",
    name: "R21 a change of the password",
  },
  {
    promise: "R21 a change of the state ends every link",
    file: "src/accounts/user-state.ts",
    text: `    await revokeTokens(tx, account.id, ALL_PURPOSES);
`,
    becomes: "",
    test: "one-time-links.test.ts",
    name: "R21 a change of the password",
  },
  {
    promise: "R22 a token is bound to its account",
    file: "src/accounts/password-change.ts",
    text: "if (!holder || (username !== null && holder.user.username !== username.toLowerCase()))",
    becomes: "if (!holder)",
    test: "one-time-links.test.ts",
    name: "R22 a token is good for its own account",
  },
  {
    promise: "R22 a token is bound to its purpose",
    file: "src/accounts/one-time-tokens.ts",
    text: "if (!row || !purposes.includes(row.token.purpose as Purpose)) return null;",
    becomes: "if (!row) return null;",
    test: "one-time-links.test.ts",
    name: "R22 a token of one purpose",
  },
  {
    promise: "R23 a token is a text and nothing else",
    file: "src/accounts/one-time-tokens.ts",
    text: `  return typeof value === "string"
    ?`,
    becomes: `  return value !== null
    ?`,
    test: "one-time-links.test.ts",
    name: "R23 R27 whatever is not a good token",
  },
  {
    promise: "R23 a body over the limit is refused",
    file: "src/http/body.ts",
    text: 'Number(headers.get("content-length") ?? 0) > maxBytes',
    becomes: 'Number(headers.get("content-length") ?? 0) > 10 * maxBytes',
    test: "one-time-links.test.ts",
    name: "R23 a body over the limit",
  },
  {
    promise: "R24 opening the page of a link uses nothing up",
    file: "src/web/pages/link-pages.ts",
    text: `  if (!holder) return (await alreadyDone(deps, page, token, request, locale)) ?? deadPage(deps, request, locale, 200);
`,
    becomes: `  if (!holder) return (await alreadyDone(deps, page, token, request, locale)) ?? deadPage(deps, request, locale, 200);
  await page.act(deps, token, { client: { ip: null, browser: null }, locale, requestId: null });
`,
    test: "reset-page.test.ts",
    name: "R24 the page of a verification",
  },
  {
    promise: "R24 opening the page of a reset uses nothing up",
    file: "src/web/pages/reset.ts",
    text: "  return holder ? views.choose(holder, token) : views.dead();",
    becomes: `  if (holder) await deps.db.orm.execute("update one_time_token set consumed_at = now()");
  return holder ? views.choose(holder, token) : views.dead();`,
    test: "reset-page.test.ts",
    name: "R24 opening the page",
  },
  {
    promise: "R25 a refused password costs no link",
    file: "src/accounts/password-change.ts",
    text: `  requireSame(input);
  await requireStrong(input.password, holder.user, deps.config);`,
    becomes: `  try {
    requireSame(input);
    await requireStrong(input.password, holder.user, deps.config);
  } catch (error) {
    await deps.db.orm.transaction((tx) => consumeToken(tx, holder.messageId));
    throw error;
  }`,
    test: "one-time-links.test.ts",
    name: "R25 a password that is refused",
  },
  {
    promise: "R27 one answer for every bad token",
    file: "src/accounts/password-change.ts",
    text: `    throw new Forbidden(BAD_TOKEN, "invalid-link");
  requireSame`,
    becomes: `    throw new Forbidden(holder ? "The link is another account's." : BAD_TOKEN, "invalid-link");
  requireSame`,
    test: "one-time-links.test.ts",
    name: "R23 R27 whatever is not a good token",
  },
  {
    promise: "R28 the page of a link sends no Referer",
    file: "src/web/document.ts",
    text: '"referrer-policy": "no-referrer"',
    becomes: '"referrer-policy": "unsafe-url"',
    test: "reset-page.test.ts",
    name: "R28 whatever the page answers",
  },
  {
    promise: "R28 the page of a link is not stored",
    file: "src/web/document.ts",
    text: '"cache-control": "no-store"',
    becomes: '"cache-control": "private"',
    test: "reset-page.test.ts",
    name: "R28 whatever the page answers",
  },
  {
    promise: "R28 a page loads nothing from other hosts",
    file: "src/web/document.ts",
    text: `"default-src": "'none'",`,
    becomes: '"default-src": "*",',
    test: "reset-page.test.ts",
    name: "R28 whatever the page answers",
  },
  {
    promise: "R29 a reset logs nobody in",
    file: "src/http/passwords.ts",
    text: "return publicFields(await resetPassword(deps, token, params.username, input, context));",
    becomes: `const account = await resetPassword(deps, token, params.username, input, context);
          return { ...publicFields(account), access_token: account.id } as never;`,
    test: "one-time-links.test.ts",
    name: "R29 R30 a reset logs nobody in",
  },
  {
    promise: "R30 a reset ends every session",
    file: "src/accounts/password-change.ts",
    text: `    await revokeSessions(tx, userId, "password_changed", store.exceptSession);
`,
    becomes: "",
    test: "one-time-links.test.ts",
    name: "R29 R30 a reset logs nobody in",
  },
  {
    promise: "R40 a new password for another superuser takes a fresh proof",
    file: "src/accounts/password-change.ts",
    text: "} else if (account.superuser) {",
    becomes: "} else if (account.superuser && owner) {",
    test: "administration.test.ts",
    name: "R40 so does what lets a person log in",
  },
  {
    promise: "R40 enabling a superuser takes a fresh proof",
    file: "src/accounts/user-state.ts",
    text: "  await requireFreshProof(deps, caller, currentPassword);\n",
    becomes: "",
    test: "administration.test.ts",
    name: "R40 so does what lets a person log in",
  },
  {
    promise: "R31 a change of the password is told to the owner",
    file: "src/accounts/password-change.ts",
    text: `    await enqueue(tx, { kind: "password_changed", userId, ...ofOthers, client: context.client, props: { way } });
`,
    becomes: "",
    test: "one-time-links.test.ts",
    name: "R31 every way to a new password",
  },
  {
    promise: "R32 a disabled account gets no link",
    file: "src/mailers/prepare.ts",
    text: `  if (account.disabled) return "account_disabled";
`,
    becomes: "",
    test: "one-time-links.test.ts",
    name: "R32 a reset does not bring",
  },
  {
    promise: "R58 an address change asks for the password",
    file: "src/accounts/email-change.ts",
    text: `  await requireCurrentPassword(deps, caller, account, input.currentPassword);
`,
    becomes: "",
    test: "email-change.test.ts",
    name: "R58 an address change re-authenticates",
  },
  {
    promise: "R58 the old address is told",
    file: "src/accounts/email-change.ts",
    text: `  await enqueue(tx, { kind: "email_change_notice", userId: account.id, email: account.email, ...context, props });
`,
    becomes: "",
    test: "email-change.test.ts",
    name: "R58 an address change re-authenticates",
  },
  {
    promise: "R58 nothing changes before the link is used",
    file: "src/accounts/email-change.ts",
    text: ".set({ requestedEmail: email })",
    becomes: ".set({ requestedEmail: email, email })",
    test: "email-change.test.ts",
    name: "R58 an address change re-authenticates",
  },
  {
    promise: "R58 an older change's link is dead",
    file: "src/accounts/email-change.ts",
    text: `  await revokeTokens(tx, account.id, ["email_change"]);
`,
    becomes: "",
    test: "email-change.test.ts",
    name: "R58 an address that is asked for again",
  },
  {
    promise: "R58 a link moves the account to the address it was sent to",
    file: "src/accounts/email-confirmation.ts",
    text: `      if (holder.sentTo !== wanted) throw new Forbidden(BAD_LINK, "invalid-link");
`,
    becomes: "",
    test: "email-change.test.ts",
    name: "R58 a link leads only to",
  },
  {
    promise: "R58 a change that was asked while the password changed is refused",
    file: "src/accounts/email-change.ts",
    text: "if (locked?.passwordHash !== account.passwordHash || locked.disabledAt) {",
    becomes: "if (!locked) {",
    test: "email-change.test.ts",
    name: "R58 a change is refused when",
  },
  {
    promise: "an address change ends every session",
    file: "src/accounts/email-confirmation.ts",
    text: `  await revokeSessions(tx, account.id, "email_changed");
`,
    becomes: "",
    test: "email-change.test.ts",
    name: "R58 an address change re-authenticates",
  },
  {
    promise: "a freeze ends every session",
    file: "src/accounts/account-freeze.ts",
    text: `    await revokeSessions(tx, account.id, "account_frozen");
`,
    becomes: "",
    test: "email-change.test.ts",
    name: "enabling lifts a freeze",
  },
  {
    promise: "a freeze ends every other link",
    file: "src/accounts/account-freeze.ts",
    text: `    await revokeTokens(tx, account.id, ALL_PURPOSES);
`,
    becomes: "",
    test: "email-change.test.ts",
    name: "enabling lifts a freeze",
  },
  {
    promise: "a freeze removes the password",
    file: "src/accounts/account-freeze.ts",
    text: `        passwordHash: null,
`,
    becomes: "",
    test: "email-change.test.ts",
    name: "enabling lifts a freeze",
  },
  {
    promise: "a freeze disables the account",
    file: "src/accounts/account-freeze.ts",
    text: `        disabledAt: sql\`now()\`,
`,
    becomes: "",
    test: "email-change.test.ts",
    name: "the old address freezes the account",
  },
  {
    promise: "a freeze does not take out the last superuser",
    file: "src/accounts/account-freeze.ts",
    text: `    requireAnotherSuperuser(superusers, account.id);
`,
    becomes: "",
    test: "email-change.test.ts",
    name: "a freeze does not take out",
  },
  {
    promise: "the link that freezes outlives a change of the password",
    file: "src/mail/kinds.ts",
    text: "lifetimeSeconds: 7 * DAY, outlivesCredentials: true",
    becomes: "lifetimeSeconds: 7 * DAY",
    test: "email-change.test.ts",
    name: "the link that freezes lives seven days",
  },
];
