import { InvalidInput } from "../errors.ts";

/** Words that are routes beside `/user/{username}/`, or would be mistaken for somebody with authority. */
const RESERVED = new Set(["me", "password", "pwd_reset_token", "pwd-reset-token", "admin", "root", "system", "new"]);

export const USERNAME_MAX = 64;

/**
 * The canonical form of a username, the only one that exists: lower-case ASCII letters and digits in groups joined by
 * one hyphen. "Pam Beesly" -> `pam-beesly`, "José  Ñandú" -> `jose-nandu`; the empty string when nothing is left.
 */
function slugOf(name: string): string {
  return name
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, USERNAME_MAX)
    .replace(/-+$/, "");
}

/**
 * The username that somebody asks for, in its canonical form.
 * @throws {InvalidInput}
 */
export function requireUsername(text: string): string {
  const username = slugOf(text);
  if (!username)
    throw new InvalidInput(
      "No username can be made of this: give one with letters a to z.",
      "username",
      "invalid-username",
    );
  if (RESERVED.has(username))
    throw new InvalidInput(`The username "${username}" is reserved.`, "username", "invalid-username");
  return username;
}
