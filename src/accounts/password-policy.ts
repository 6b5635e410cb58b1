/** What a new password must be. NIST SP 800-63B-4 §3.1.1.2: length and rarity count, composition does not. */
import type { Config } from "../config.ts";
import { PasswordsDiffer, WeakPassword, type Weakness } from "../errors.ts";
import { canonical } from "./passwords.ts";

/** A longer password is refused before hashing, so that very long inputs cost no hashing. */
const PASSWORD_MAX_BYTES = 1_024;

export interface NewPassword {
  readonly password: string;
  readonly passwordConfirm: string;
}

/** What an attacker who knows the account tries first. */
export interface Names {
  readonly name: string;
  readonly email: string;
  readonly username: string;
}

/** @throws {PasswordsDiffer} */
export function requireSame({ password, passwordConfirm }: NewPassword): void {
  if (canonical(password) !== canonical(passwordConfirm)) throw new PasswordsDiffer("The two passwords differ.");
}

/** @throws {WeakPassword} with the reason. */
export async function requireStrong(
  password: string,
  account: Names,
  { passwordMinLength, brand }: Pick<Config, "passwordMinLength" | "brand">,
): Promise<void> {
  const text = canonical(password);
  const refuse = (weakness: Weakness, reason: string): never => {
    throw new WeakPassword(reason, weakness);
  };
  if (Buffer.byteLength(text) > PASSWORD_MAX_BYTES) {
    refuse({ kind: "long" }, `The password is longer than ${PASSWORD_MAX_BYTES} bytes.`);
  }
  const length = countOf(text);
  if (length < passwordMinLength) {
    refuse(
      { kind: "short", length },
      `The password has ${length} characters; at least ${passwordMinLength} are needed.`,
    );
  }
  if (new Set(text).size < 5)
    refuse({ kind: "repetitive" }, "The password repeats the same few characters. Use at least 5 different ones.");
  const unknown = countOf(withoutWords(folded(text), [...ownWords(account), brand.name, "dundie"]));
  if (unknown < passwordMinLength && unknown < length) {
    refuse(
      { kind: "own_words", length: unknown },
      `Words of the account itself, such as its name or address, do not count: without them the password has ` +
        `${unknown} characters; at least ${passwordMinLength} are needed.`,
    );
  }
  if (await isCommon(text.toLowerCase())) {
    refuse({ kind: "common" }, "This password is among the most common ones. Choose another one.");
  }
}

/** Code points, so that one emoji is one character. */
const countOf = (text: string): number => [...text].length;

function ownWords({ name, email, username }: Names): string[] {
  const [local = "", domain = ""] = email.split("@");
  return [email, username, local, domain.split(".")[0] ?? "", name, ...name.split(/\s+/), ...username.split("-")];
}

/** A word of fewer than 3 characters is in every other password by chance, so it is not removed. */
function withoutWords(text: string, words: readonly string[]): string {
  const longestFirst = words.filter((word) => word.length >= 3).toSorted((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, word) => rest.replaceAll(folded(word), ""), text);
}

/**
 * The whole password is looked up, not words in it; and what the first rules of every cracker turn into it: another
 * case, leetspeak, digits and signs at the ends, the same again.
 */
async function isCommon(lowered: string): Promise<boolean> {
  const common = await (commonPasswords ??= loadCommonPasswords());
  const once = lowered.replace(/^(.+?)\1+$/u, "$1");
  const stem = once.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, "");
  const candidates = [lowered, once, ...(stem.length * 2 >= once.length ? [stem] : [])];
  return candidates.some((candidate) => common.has(candidate) || common.has(folded(candidate)));
}

let commonPasswords: Promise<ReadonlySet<string>> | undefined;

/** 49,000 passwords, most common first, from leaks: 380 KB that only a password change needs, 15 ms once. */
async function loadCommonPasswords(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import("@zxcvbn-ts/language-common");
  return new Set(dictionary["passwords-common"]);
}

const folded = (text: string): string => text.toLowerCase().replace(/[013457@$!+]/g, (sign) => LEET[sign] ?? sign);

const LEET: Readonly<Record<string, string>> = {
  "0": "o",
  "1": "i",
  "3": "e",
  "4": "a",
  "5": "s",
  "7": "t",
  "@": "a",
  $: "s",
  "!": "i",
  "+": "t",
};
