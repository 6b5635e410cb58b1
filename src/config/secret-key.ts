import type * as Core from "@zxcvbn-ts/core";
import type * as Common from "@zxcvbn-ts/language-common";
import { Invalid } from "./parsers.ts";

const EXAMPLE = "for example from: openssl rand -base64 33";
const MIN_BYTES = 32;

/**
 * Decimal digits of the number of guesses that zxcvbn thinks are enough. Repetitions, sequences and rows of the
 * keyboard need up to 10^14; the worst of 400 random keys of 32 hexadecimal digits needed 10^28.
 */
const MIN_GUESSES_LOG10 = 20;

/** Keys that documentation and tutorials print. They look random, but every reader has them. */
const PUBLISHED = new Set([
  // FastAPI, "OAuth2 with Password (and hashing), Bearer with JWT tokens".
  "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
  // Flask, quickstart, "Sessions".
  "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
  // Tutorials of Spring Security with JWT.
  "404e635266556a586e3272357538782f413f4428472b4b6250645367566b5970",
  "3cfa76ef14937c1c0ea519f8fc057a80fcd04a7420f8e8bcd0a7567c272e007b",
  // SHA-256 of nothing.
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
]);

/** Words of placeholders, as they read without blanks and signs. Random base64 has none of them but by accident. */
const PLACEHOLDER =
  /change(me|it|this|in|before)|bechanged|replace(me|it|this|with)|your(own|very|super|jwt|app)?(secret|key|random|256|512)|(super|top|my|very|jwt|app|session|auth|dev|test|default|a?string)secret|secret(key|jwt|token|string|value|phrase|here)|insecure|donotuse|notforproduction|placeholder|example|development|password|qwerty|letmein|256bit|512bit|atleast(32|64|256|512)|notsosecret|correcthorse|loremipsum|keyboardcat|bezkoder/;

/**
 * At least 32 bytes that cannot be guessed (R49).
 * @throws {Invalid}
 */
export function parseSecretKey(text: string): string {
  if (Buffer.byteLength(text) < MIN_BYTES) throw new Invalid(`must be at least ${MIN_BYTES} bytes, ${EXAMPLE}`);
  const letters = text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  if (PUBLISHED.has(letters) || PLACEHOLDER.test(letters)) {
    throw new Invalid(`must be your own: this one is a well-known placeholder. Make one, ${EXAMPLE}`);
  }
  if (guessesLog10(text) < MIN_GUESSES_LOG10) throw new Invalid(`must be random, ${EXAMPLE}`);
  return text;
}

/** The library is loaded here, because only a key from the environment is judged: a generated key costs nothing. */
function guessesLog10(text: string): number {
  const { ZxcvbnFactory } = require("@zxcvbn-ts/core") as typeof Core;
  const { dictionary, adjacencyGraphs } = require("@zxcvbn-ts/language-common") as typeof Common;
  return new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs }).check(text).guessesLog10;
}
