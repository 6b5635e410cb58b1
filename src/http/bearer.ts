import { timingSafeEqual } from "node:crypto";

/** Whether a request shows this token (RFC 6750 §2.1), compared in a time that says nothing about it. */
export function hasBearerToken({ headers }: Request, token: string): boolean {
  const [scheme = "", shown = "", ...rest] = headers.get("authorization")?.split(" ") ?? [];
  if (scheme.toLowerCase() !== "bearer" || rest.length > 0) return false;
  return timingSafeEqual(digest(shown), digest(token));
}

const digest = (text: string): Uint8Array => new Bun.CryptoHasher("sha256").update(text).digest();
