import { InvalidInput } from "../errors.ts";

/** Routes beside `/user/{username}/`, and names that a person could mistake for an authority. */
const RESERVED = new Set([
  "me",
  "password",
  "pwd_reset_token",
  "pwd-reset-token",
  "import",
  "admin",
  "root",
  "system",
  "new",
]);

const USERNAME_MAX = 64;

const RULE =
  `A username has 1 to ${USERNAME_MAX} lower-case letters a to z, digits, and single hyphens between them, ` +
  "such as pam-beesly.";

/** What a suffix such as `-2` or eight characters can follow, when a username is taken. */
export const stemOf = (username: string): string => username.slice(0, USERNAME_MAX - 9).replace(/-$/, "");

/** The canonical form of a username, which is the only one that is stored. */
const USERNAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/**
 * The username that was asked for. It is taken as it is, because its owner logs in with it; only the case does not matter.
 * @throws {InvalidInput} with the rule.
 */
export function requireUsername(text: string): string {
  const username = text.toLowerCase();
  if (username.length > USERNAME_MAX || !USERNAME.test(username)) {
    throw new InvalidInput(RULE, "username", "invalid-username");
  }
  return notReserved(username);
}

/**
 * The username for a name: "Pam Beesly" -> `pam-beesly`, "José  Ñandú" -> `jose-nandu`, "Łukasz Żółć" -> `lukasz-zolc`,
 * "李雷" -> `li-lei`.
 * @throws {InvalidInput} when no letter or digit is left, or the username is reserved.
 */
export async function usernameFor(name: string): Promise<string> {
  const slug = (await inAscii(name))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, USERNAME_MAX)
    .replace(/-+$/, "");
  if (!slug) {
    throw new InvalidInput(`No username can be made from this name. ${RULE}`, "username", "invalid-username");
  }
  return notReserved(slug);
}

/** The library is loaded for the first name that needs it, because its tables of all scripts are 3 MB. */
async function inAscii(name: string): Promise<string> {
  // oxlint-disable-next-line no-control-regex
  if (/^[\u0000-\u007f]*$/.test(name)) return name;
  const { transliterate } = await import("transliteration");
  return transliterate(name.normalize("NFC"));
}

/** @throws {InvalidInput} */
function notReserved(username: string): string {
  if (RESERVED.has(username)) {
    throw new InvalidInput(`The username "${username}" is reserved.`, "username", "invalid-username");
  }
  return username;
}
