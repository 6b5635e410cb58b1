/** Login, refresh, and what ends a session. Refresh tokens are opaque: 256 random bits, stored as digests. */
import { and, eq, isNull, ne, sql } from "drizzle-orm";
import type { Database, Transaction } from "../db/client.ts";
import { refreshToken, session, user } from "../db/schema.ts";
import { Unauthenticated } from "../errors.ts";
import { normaliseAddress } from "./addresses.ts";
import { recordAudit } from "./audit.ts";
import { SUPERUSER_DEPT, type Caller, type RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { checkPassword } from "./password-check.ts";
import { digestOf } from "./one-time-tokens.ts";

/** What a client gets; the access token is made from the first two by the HTTP layer. */
export interface Grant {
  readonly userId: string;
  readonly sessionId: string;
  readonly refreshToken: string;
}

const REFUSED = "Incorrect username or password.";

/**
 * @param login a username or an e-mail address.
 * @throws {Unauthenticated} in the same words and time for an unknown account, a wrong password, an invited, a
 *   disabled or a pending account.
 * @throws {TooManyRequests}
 */
export async function logIn(
  deps: Deps,
  { login, password, context }: { login: string; password: string; context: RequestContext },
): Promise<Grant> {
  const found = await findByLogin(deps.db.orm, login);
  // A registration whose address is not proved is nobody's account yet: see `registration.ts`. An account that may not
  // log in is as good as none: neither time nor throttle tells that its password was right.
  const account = found && !found.disabledAt && found.pendingUsername === null ? found : null;
  const charge = await deps.throttle.chargeLogin({ login, accountId: account?.id ?? null, ip: context.client.ip });
  // Hashed in every case, so that the time tells nothing.
  if (!(await checkPassword(deps, account, password, charge)) || !account) {
    await recordAudit(deps.db.orm, {
      ...context,
      action: "login_refused",
      actorId: null,
      subjectId: found?.id ?? null,
    });
    throw new Unauthenticated(REFUSED, "wrong-credentials");
  }
  const rehashed =
    account.passwordHash && deps.hasher.needsRehash(account.passwordHash) ? await deps.hasher.hash(password) : null;
  return await deps.db.orm.transaction(async (tx) => {
    // The account may have changed while we hashed: a login may not outrun a reset.
    const [current] = await tx
      .select({ passwordHash: user.passwordHash, disabledAt: user.disabledAt })
      .from(user)
      .where(eq(user.id, account.id))
      .for("no key update");
    if (current?.passwordHash !== account.passwordHash || current.disabledAt)
      throw new Unauthenticated(REFUSED, "wrong-credentials");
    if (rehashed) await tx.update(user).set({ passwordHash: rehashed }).where(eq(user.id, account.id));
    await recordAudit(tx, { ...context, action: "login", actorId: account.id, subjectId: account.id });
    return await openSession(tx, deps, account.id, context);
  });
}

async function openSession(tx: Transaction, deps: Deps, userId: string, context: RequestContext): Promise<Grant> {
  const sessionId = Bun.randomUUIDv7();
  await tx.insert(session).values({
    id: sessionId,
    userId,
    ip: context.client.ip,
    browser: context.client.browser,
    expiresAt: sql`now() + make_interval(mins => ${deps.config.refreshTokenMinutes})`,
  });
  return { userId, sessionId, refreshToken: await issueRefreshToken(tx, sessionId, 1) };
}

async function issueRefreshToken(tx: Transaction, sessionId: string, rotation: number): Promise<string> {
  const token = crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
  await tx.insert(refreshToken).values({ digest: digestOf(token), sessionId, rotation });
  return token;
}

/**
 * Spends a refresh token for a new one of the same session. One that was spent before has been copied: its whole
 * session ends (RFC 9700 §4.14.2).
 *
 * @throws {Unauthenticated}
 */
export async function refresh(deps: Deps, token: string, context: RequestContext): Promise<Grant> {
  const result = await deps.db.orm.transaction(async (tx): Promise<Grant | "reused" | "refused"> => {
    const [row] = await tx
      .select({ session, rotation: refreshToken.rotation })
      .from(refreshToken)
      .innerJoin(session, eq(session.id, refreshToken.sessionId))
      .innerJoin(user, eq(user.id, session.userId))
      .where(
        and(
          eq(refreshToken.digest, digestOf(token)),
          isNull(session.revokedAt),
          sql`${session.expiresAt} > now()`,
          isNull(user.disabledAt),
        ),
      )
      .for("no key update", { of: session });
    if (!row) return "refused";
    const spent = await tx
      .update(refreshToken)
      .set({ spentAt: sql`now()` })
      .where(and(eq(refreshToken.digest, digestOf(token)), isNull(refreshToken.spentAt)))
      .returning({ rotation: refreshToken.rotation });
    if (spent.length === 0) {
      await revokeSession(tx, row.session.id, "refresh_reused");
      const subject = { actorId: null, subjectId: row.session.userId };
      await recordAudit(tx, { ...context, ...subject, action: "refresh_reused", details: { session: row.session.id } });
      return "reused";
    }
    await tx
      .update(session)
      .set({ usedAt: sql`now()` })
      .where(eq(session.id, row.session.id));
    const next = await issueRefreshToken(tx, row.session.id, row.rotation + 1);
    return { userId: row.session.userId, sessionId: row.session.id, refreshToken: next };
  });
  if (typeof result === "string") throw new Unauthenticated("The refresh token is not valid.", "invalid-refresh-token");
  return result;
}

/**
 * Who an access token's session belongs to, now: a reset, a disabling or a demotion takes effect at once.
 * @returns null when the session has ended.
 */
export async function findCaller(db: Database, userId: string, sessionId: string): Promise<Caller | null> {
  const [row] = await db.orm
    .select({ username: user.username, dept: user.dept })
    .from(session)
    .innerJoin(user, eq(user.id, session.userId))
    .where(
      and(
        eq(session.id, sessionId),
        eq(user.id, userId),
        isNull(session.revokedAt),
        sql`${session.expiresAt} > now()`,
        isNull(user.disabledAt),
      ),
    );
  return row ? { userId, sessionId, username: row.username, superuser: row.dept === SUPERUSER_DEPT } : null;
}

export async function revokeSession(tx: Transaction, sessionId: string, reason: string): Promise<void> {
  await tx
    .update(session)
    .set({ revokedAt: sql`now()`, revokedFor: reason })
    .where(and(eq(session.id, sessionId), isNull(session.revokedAt)));
}

/** Ends every session of an account, or all but the one that asked. */
export async function revokeSessions(tx: Transaction, userId: string, reason: string, except?: string): Promise<void> {
  await tx
    .update(session)
    .set({ revokedAt: sql`now()`, revokedFor: reason })
    .where(and(eq(session.userId, userId), isNull(session.revokedAt), except ? ne(session.id, except) : undefined));
}

async function findByLogin(db: Database["orm"], login: string): Promise<typeof user.$inferSelect | undefined> {
  const address = normaliseAddress(login);
  const [account] = await db
    .select()
    .from(user)
    .where(address ? eq(user.email, address) : eq(user.username, login.toLowerCase()));
  return account;
}
