import type { Transaction } from "../db/client.ts";
import { refreshToken } from "../db/schema.ts";
import type { Deps } from "./deps.ts";
import type { MasterKey } from "./keyring.ts";
import { digestOf } from "./one-time-tokens.ts";

/**
 * A refresh token is derived from its session and its rotation, as the tokens of links are from their message: it can be
 * made again for a client that lost the answer, and only its digest is stored.
 */
export function deriveRefreshToken(key: MasterKey, sessionId: string, rotation: number): string {
  const hasher = new Bun.CryptoHasher("sha256", key.derive("refresh-token"));
  return hasher.update(`${sessionId}\0${rotation}`).digest("base64url");
}

export async function issueRefreshToken(
  tx: Transaction,
  deps: Deps,
  sessionId: string,
  rotation: number,
): Promise<string> {
  const token = deriveRefreshToken(deps.keyring.current, sessionId, rotation);
  await tx.insert(refreshToken).values({ digest: digestOf(token), sessionId, rotation });
  return token;
}

/**
 * Whether a stored token was derived by a key that is still configured. A key that was replaced without being the previous
 * one may have been stolen, and a thief who also has a copy of the database could derive every token of it.
 */
export const isOfConfiguredKey = (
  { keyring }: Pick<Deps, "keyring">,
  token: string,
  sessionId: string,
  rotation: number,
): boolean => keyring.all.some((key) => deriveRefreshToken(key, sessionId, rotation) === token);
