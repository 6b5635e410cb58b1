import { createHash, hkdfSync } from "node:crypto";
import type { Config } from "../config.ts";

/** The purposes of keys. Each has a key of its own, so that a token of one purpose is not valid for another. */
export type KeyUse = "access-token" | "device-token" | "refresh-token" | `one-time-token/${string}`;

export interface MasterKey {
  /** Names the key in rows and logs, and reveals nothing of it. */
  readonly id: string;
  /** 256 bits, by HKDF-SHA-256 (RFC 5869). */
  derive(use: KeyUse): Uint8Array;
}

export interface Keyring {
  /** Signs and derives everything new. */
  readonly current: MasterKey;
  /** The current key first. What the previous key signed or derived is still valid. */
  readonly all: readonly MasterKey[];
}

export function createKeyring(config: Pick<Config, "secretKey" | "secretKeyPrevious">): Keyring {
  const current = masterKey(config.secretKey);
  return { current, all: config.secretKeyPrevious ? [current, masterKey(config.secretKeyPrevious)] : [current] };
}

function masterKey(secret: string): MasterKey {
  const derived = new Map<KeyUse, Uint8Array>();
  return {
    id: createHash("sha256").update(`dundie key id\0${secret}`).digest("hex").slice(0, 12),
    derive(use) {
      let key = derived.get(use);
      if (!key) derived.set(use, (key = new Uint8Array(hkdfSync("sha256", secret, "dundie", use, 32))));
      return key;
    },
  };
}
