/** Words that are routes beside `/user/{username}/`, or would be mistaken for somebody with authority. */
const RESERVED = new Set(["me", "password", "pwd_reset_token", "pwd-reset-token", "admin", "root", "system", "new"]);

export const USERNAME_MAX = 64;

/**
 * The canonical form of a username, the only one that exists: lower-case ASCII letters and digits in groups joined by
 * one hyphen. "Pam Beesly" -> `pam-beesly`, "José  Ñandú" -> `jose-nandu`; the empty string when nothing is left.
 */
export function slugOf(name: string): string {
  return name
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, USERNAME_MAX)
    .replace(/-+$/, "");
}

export const isReserved = (username: string): boolean => RESERVED.has(username);
