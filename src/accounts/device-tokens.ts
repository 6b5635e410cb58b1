/**
 * Tokens of devices that have logged in before (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). Such a
 * token opens nothing: it lets the guesses of its device be counted apart from those of strangers. Nothing is stored.
 */
import { timingSafeEqual } from "node:crypto";
import type { Keyring, MasterKey } from "./keyring.ts";

/** Counted from the last login of the device, which gets a new token with each. */
const LIFETIME_DAYS = 365;

/** @returns `id.time.mac`: 128 random bits, seconds since 1970, HMAC-SHA-256 of both and of the account. */
export function issueDeviceToken(keyring: Keyring, accountId: string, now = Date.now()): string {
  const id = crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true });
  const issuedAt = String(Math.floor(now / 1_000));
  return `${id}.${issuedAt}.${macOf(keyring.current, accountId, id, issuedAt)}`;
}

/**
 * @param token what a client sent, of any form.
 * @returns the id of the device; null unless it has logged in to this account within the lifetime of its token.
 */
export function deviceOf(keyring: Keyring, accountId: string, token: string | null, now = Date.now()): string | null {
  const [, id = "", issuedAt = "", mac = ""] = /^([\w-]{22})\.(\d{1,12})\.([\w-]{43})$/.exec(token ?? "") ?? [];
  const sent = Buffer.from(mac);
  const signed = keyring.all.some((key) => {
    const expected = Buffer.from(macOf(key, accountId, id, issuedAt));
    return expected.length === sent.length && timingSafeEqual(expected, sent);
  });
  const ageDays = (now / 1_000 - Number(issuedAt)) / 86_400;
  return signed && ageDays < LIFETIME_DAYS ? id : null;
}

const macOf = (key: MasterKey, accountId: string, id: string, issuedAt: string): string =>
  new Bun.CryptoHasher("sha256", key.derive("device-token"))
    .update(`${accountId}\0${id}\0${issuedAt}`)
    .digest("base64url");
