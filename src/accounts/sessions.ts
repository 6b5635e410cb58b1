/** Login, refresh, and what ends a session. Refresh tokens are opaque to clients, and stored as digests. */
import { and, eq, isNull, ne, sql } from "drizzle-orm";
import type { Database, Transaction } from "../db/client.ts";
import { refreshToken, session, user } from "../db/schema.ts";
import { Unauthenticated, Unavailable } from "../errors.ts";
import { canonicalLogin, normaliseAddress } from "../addresses.ts";
import { recordAudit } from "./audit.ts";
import type { Caller, RequestContext } from "./caller.ts";
import { clientKey } from "./client-networks.ts";
import type { Deps } from "./deps.ts";
import { deviceOf, issueDeviceToken } from "./device-tokens.ts";
import { checkPassword } from "./password-check.ts";
import { digestOf } from "./one-time-tokens.ts";
import { deriveRefreshToken, isOfConfiguredKey, issueRefreshToken } from "./refresh-tokens.ts";

/** What a login or a refresh gives. The HTTP layer makes the access token of the first two. */
export interface Grant {
  readonly userId: string;
  readonly sessionId: string;
  readonly refreshToken: string;
}

export interface LoginGrant extends Grant {
  /** For the next login of this device: see `device-tokens.ts`. */
  readonly deviceToken: string;
}

export interface LoginInput {
  readonly login: string;
  readonly password: string;
  readonly deviceToken: string | null;
  readonly context: RequestContext;
}

const REFUSED = "Incorrect username or password.";

/**
 * @param login a username or an email address.
 * @param deviceToken what an earlier login of this device was given, if the client kept it.
 * @throws {Unauthenticated} with the same message and after the same time for an unknown account, a wrong password, and
 *   an invited or disabled account.
 * @throws {TooManyRequests} {Unavailable}
 */
export async function logIn(deps: Deps, { login, password, deviceToken, context }: LoginInput): Promise<LoginGrant> {
  const { ip } = context.client;
  // Before anything is asked of the database: a flood of logins is refused for little.
  using place = deps.hasher.enter(clientKey(ip));
  const found = await findByLogin(deps.db.orm, login);
  // An account that may not log in counts as none, so that neither the time nor the throttle reveals that its password
  // was right.
  const account = found && !found.disabledAt ? found : null;
  const device = deviceOf(deps.keyring, account?.id ?? "no account", deviceToken);
  const charge = await deps.throttle.chargeLogin({ login, ip, device });
  // The password is hashed in every case, so that the time reveals nothing.
  if (!(await checkPassword(deps, account, password, charge, place)) || !account) {
    await recordAudit(deps.db.orm, {
      ...context,
      action: "login_refused",
      actorId: null,
      subjectId: found?.id ?? null,
    });
    throw new Unauthenticated(REFUSED, "wrong-credentials");
  }
  const rehashed = await rehash(deps, account.passwordHash, password, clientKey(ip));
  return await deps.db.orm.transaction(async (tx) => {
    // The account may have changed while the password was hashed, for example by a reset.
    const [current] = await tx
      .select({ passwordHash: user.passwordHash, disabledAt: user.disabledAt })
      .from(user)
      .where(eq(user.id, account.id))
      .for("no key update");
    if (current?.passwordHash !== account.passwordHash || current.disabledAt)
      throw new Unauthenticated(REFUSED, "wrong-credentials");
    await tx
      .update(user)
      .set({ lastLoginAt: sql`now()`, ...(rehashed ? { passwordHash: rehashed } : {}) })
      .where(eq(user.id, account.id));
    await recordAudit(tx, { ...context, action: "login", actorId: account.id, subjectId: account.id });
    const grant = await openSession(tx, deps, account.id, context);
    return { ...grant, deviceToken: issueDeviceToken(deps.keyring, account.id) };
  });
}

/** @returns null for a hash that is good, and when there is no time to make another one: a later login does. */
async function rehash(deps: Deps, hash: string | null, password: string, client: string): Promise<string | null> {
  if (hash === null || !deps.hasher.needsRehash(hash)) return null;
  try {
    return await deps.hasher.hash(password, client);
  } catch (error) {
    if (error instanceof Unavailable) return null;
    throw error;
  }
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
  return { userId, sessionId, refreshToken: await issueRefreshToken(tx, deps, sessionId, 1) };
}

/**
 * How long a spent refresh token is answered with its successor. Two tabs that refresh at once, and a client whose answer
 * was lost, send a token twice within seconds.
 */
const REUSE_GRACE_SECONDS = 10;

/**
 * Exchanges a refresh token for its successor in the same session. The client that spent a token gets the same successor
 * again for 10 s, as long as that one is unspent. Otherwise a spent token that comes back has been copied, and its whole
 * session ends (RFC 9700 §4.14.2).
 *
 * @throws {Unauthenticated}
 */
export async function refresh(deps: Deps, token: string, context: RequestContext): Promise<Grant> {
  const result = await deps.db.orm.transaction(async (tx): Promise<Grant | "reused" | "refused"> => {
    const digest = digestOf(token);
    const [row] = await tx
      .select({ session, rotation: refreshToken.rotation })
      .from(refreshToken)
      .innerJoin(session, eq(session.id, refreshToken.sessionId))
      .innerJoin(user, eq(user.id, session.userId))
      .where(
        and(
          eq(refreshToken.digest, digest),
          isNull(session.revokedAt),
          sql`${session.expiresAt} > now()`,
          isNull(user.disabledAt),
        ),
      )
      .for("no key update", { of: session });
    if (!row || !isOfConfiguredKey(deps, token, row.session.id, row.rotation)) return "refused";
    const { id: sessionId, userId } = row.session;
    const grant = (next: string): Grant => ({ userId, sessionId, refreshToken: next });
    const spent = await tx
      .update(refreshToken)
      .set({ spentAt: sql`now()`, spentBy: clientOf(context) })
      .where(and(eq(refreshToken.digest, digest), isNull(refreshToken.spentAt)))
      .returning({ rotation: refreshToken.rotation });
    if (spent.length === 0) {
      const successor = await findSuccessor(tx, deps, { digest, sessionId, rotation: row.rotation }, context);
      if (successor !== null) return grant(successor);
      await revokeSession(tx, sessionId, "refresh_reused");
      const subject = { actorId: null, subjectId: userId };
      await recordAudit(tx, { ...context, ...subject, action: "refresh_reused", details: { session: sessionId } });
      return "reused";
    }
    await tx
      .update(session)
      .set({ usedAt: sql`now()` })
      .where(eq(session.id, sessionId));
    return grant(await issueRefreshToken(tx, deps, sessionId, row.rotation + 1));
  });
  if (typeof result === "string") throw new Unauthenticated("The refresh token is not valid.", "invalid-refresh-token");
  return result;
}

/** @returns null when the grace is over, when another client spent the token, or when the successor is spent too. */
async function findSuccessor(
  tx: Transaction,
  deps: Deps,
  spent: { readonly digest: Uint8Array; readonly sessionId: string; readonly rotation: number },
  context: RequestContext,
): Promise<string | null> {
  // clock_timestamp() and not now(): this transaction may have waited for the one that spent the token.
  const [graced] = await tx
    .select({ rotation: refreshToken.rotation })
    .from(refreshToken)
    .where(
      and(
        eq(refreshToken.digest, spent.digest),
        eq(refreshToken.spentBy, clientOf(context)),
        // A time to come was written before the clock was set back, and would leave the grace open until it is reached.
        sql`${refreshToken.spentAt} between clock_timestamp() - make_interval(secs => ${REUSE_GRACE_SECONDS}) and clock_timestamp()`,
      ),
    );
  if (!graced) return null;
  // The key may have been replaced since.
  for (const key of deps.keyring.all) {
    const candidate = deriveRefreshToken(key, spent.sessionId, spent.rotation + 1);
    const [unspent] = await tx
      .select({ rotation: refreshToken.rotation })
      .from(refreshToken)
      .where(and(eq(refreshToken.digest, digestOf(candidate)), isNull(refreshToken.spentAt)));
    if (unspent) return candidate;
  }
  return null;
}

const clientOf = ({ client }: RequestContext): string =>
  `${client.ip ?? "no address"} ${client.browser ?? "no browser"}`;

/**
 * The account of a session as it is now, so that a reset, a disabling or a demotion takes effect at once.
 * @returns null when the session has ended.
 */
export async function findCaller(db: Database, userId: string, sessionId: string): Promise<Caller | null> {
  const [row] = await db.orm
    .select({ username: user.username, superuser: user.superuser })
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
  return row ? { userId, sessionId, username: row.username, superuser: row.superuser } : null;
}

export async function revokeSession(tx: Transaction, sessionId: string, reason: string): Promise<void> {
  await tx
    .update(session)
    .set({ revokedAt: sql`now()`, revokedFor: reason })
    .where(and(eq(session.id, sessionId), isNull(session.revokedAt)));
}

/** Ends every session of an account, or all but the one that asked. @returns how many. */
export async function revokeSessions(
  tx: Transaction,
  userId: string,
  reason: string,
  except?: string,
): Promise<number> {
  const ended = await tx
    .update(session)
    .set({ revokedAt: sql`now()`, revokedFor: reason })
    .where(and(eq(session.userId, userId), isNull(session.revokedAt), except ? ne(session.id, except) : undefined))
    .returning({ id: session.id });
  return ended.length;
}

async function findByLogin(db: Database["orm"], login: string): Promise<typeof user.$inferSelect | undefined> {
  const email = normaliseAddress(login);
  const [account] = await db
    .select()
    .from(user)
    .where(email === null ? eq(user.username, canonicalLogin(login)) : eq(user.email, email));
  return account;
}
