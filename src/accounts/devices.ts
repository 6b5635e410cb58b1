/** Sessions as their owner sees them: one for each device, and each can be ended. */
import { and, desc, eq, isNull, sql } from "drizzle-orm";
import type { Database, Transaction } from "../db/client.ts";
import { refreshToken, session, user } from "../db/schema.ts";
import { NotFound } from "../errors.ts";
import { recordAudit, type AuditAction } from "./audit.ts";
import type { Caller, RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { digestOf } from "./one-time-tokens.ts";
import { isOfConfiguredKey } from "./refresh-tokens.ts";
import { revokeSession, revokeSessions } from "./sessions.ts";
import { noSuchUser } from "./users.ts";

export interface Device {
  readonly id: string;
  readonly createdAt: Date;
  /** When its tokens were last refreshed. */
  readonly usedAt: Date;
  readonly expiresAt: Date;
  readonly ip: string | null;
  readonly browser: string | null;
  /** Whether this request belongs to it. */
  readonly current: boolean;
}

/** The most sessions that are listed: more than a person uses. `endAllDevices` also ends those that are not listed. */
const MAX_DEVICES = 200;

const LIVE = and(isNull(session.revokedAt), sql`${session.expiresAt} > now()`);

/** Lists the sessions of the account; the last used one comes first. */
export const listDevices = (db: Database, caller: Caller): Promise<Device[]> => list(db, caller.userId, caller);

/** The same for another account. @throws {NotFound} */
export async function listDevicesOf(db: Database, username: string, caller: Caller): Promise<Device[]> {
  const [account] = await db.orm.select({ id: user.id }).from(user).where(eq(user.username, username.toLowerCase()));
  if (!account) throw noSuchUser(username);
  return await list(db, account.id, caller);
}

async function list(db: Database, userId: string, caller: Caller): Promise<Device[]> {
  return await db.orm
    .select({
      id: session.id,
      createdAt: session.createdAt,
      usedAt: session.usedAt,
      expiresAt: session.expiresAt,
      ip: session.ip,
      browser: session.browser,
      current: sql<boolean>`${session.id} = ${caller.sessionId}`,
    })
    .from(session)
    .where(and(eq(session.userId, userId), LIVE))
    .orderBy(desc(session.usedAt), desc(session.id))
    .limit(MAX_DEVICES);
}

/** @throws {NotFound} also for a session of another account. */
export async function endDevice(deps: Deps, caller: Caller, sessionId: string, context: RequestContext): Promise<void> {
  await deps.db.orm.transaction(async (tx) => {
    const [own] = await tx
      .select({ id: session.id })
      .from(session)
      .where(and(eq(session.id, sessionId), eq(session.userId, caller.userId), LIVE));
    if (!own) throw new NotFound("You have no such session.");
    await end(tx, { id: sessionId, userId: caller.userId }, "session_ended", caller, context);
  });
}

/** Ends every session of the account, the calling one included. */
export async function endAllDevices(deps: Deps, caller: Caller, context: RequestContext): Promise<void> {
  await deps.db.orm.transaction(async (tx) => {
    await revokeSessions(tx, caller.userId, "sessions_ended");
    await recordAudit(tx, { ...context, action: "sessions_ended", actorId: caller.userId, subjectId: caller.userId });
  });
}

export async function logOut(deps: Deps, caller: Caller, context: RequestContext): Promise<void> {
  await deps.db.orm.transaction((tx) =>
    end(tx, { id: caller.sessionId, userId: caller.userId }, "logout", caller, context),
  );
}

/**
 * Ends the session of a refresh token, for everyone who holds it (RFC 7009). A spent token ends it as well. An unknown
 * token changes nothing and causes no error.
 */
export async function revokeByRefreshToken(deps: Deps, token: string, context: RequestContext): Promise<void> {
  await deps.db.orm.transaction(async (tx) => {
    const [found] = await tx
      .select({ id: session.id, userId: session.userId })
      .from(refreshToken)
      .innerJoin(session, eq(session.id, refreshToken.sessionId))
      .where(and(eq(refreshToken.digest, digestOf(token)), LIVE));
    if (found) await end(tx, found, "logout", null, context);
  });
}

export interface RefreshTokenState {
  readonly userId: string;
  readonly username: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** The state of a refresh token that could be used now; null for every other one. Reading it does not spend it. */
export async function findRefreshToken(
  { db, keyring }: Pick<Deps, "db" | "keyring">,
  token: string,
): Promise<RefreshTokenState | null> {
  const [found] = await db.orm
    .select({
      userId: user.id,
      username: user.username,
      issuedAt: refreshToken.createdAt,
      expiresAt: session.expiresAt,
      sessionId: session.id,
      rotation: refreshToken.rotation,
    })
    .from(refreshToken)
    .innerJoin(session, eq(session.id, refreshToken.sessionId))
    .innerJoin(user, eq(user.id, session.userId))
    .where(and(eq(refreshToken.digest, digestOf(token)), isNull(refreshToken.spentAt), isNull(user.disabledAt), LIVE));
  return found && isOfConfiguredKey({ keyring }, token, found.sessionId, found.rotation) ? found : null;
}

async function end(
  tx: Transaction,
  { id, userId }: { readonly id: string; readonly userId: string },
  action: AuditAction,
  caller: Caller | null,
  context: RequestContext,
): Promise<void> {
  await revokeSession(tx, id, action);
  await recordAudit(tx, {
    ...context,
    action,
    actorId: caller?.userId ?? null,
    subjectId: userId,
    details: { session: id },
  });
}
