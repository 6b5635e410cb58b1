/** Which formats of password hashes the runtime can compare with, and which of them an import takes. */

/** bcrypt: version, cost, and 22 + 31 characters of salt and hash. `$2x$` marks hashes of a faulty implementation. */
const BCRYPT = /^\$2[aby]\$(?<cost>\d\d)\$[./A-Za-z0-9]{53}$/;
/** argon2 in PHC string format, version 19 or none. */
const ARGON2 =
  /^\$argon2(?:id|i|d)(?:\$v=19)?\$m=(?<memory>\d{1,7}),t=(?<time>\d{1,3}),p=(?<lanes>\d{1,2})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}$/;

/** A login must not take the memory or the seconds of a hundred others: 19 MiB and 40 ms is what ours costs. */
const MAX_ARGON2_KIB = 256 * 1_024;
const MAX_ARGON2_TIME = 16;
const MAX_BCRYPT_COST = 14;

export const isReadableHash = (hash: string): boolean => BCRYPT.test(hash) || ARGON2.test(hash);

/** @returns why an import refuses the hash; null when it is taken. */
export function refusalOfHash(hash: string): string | null {
  const bcrypt = BCRYPT.exec(hash)?.groups;
  if (bcrypt) {
    const cost = Number(bcrypt["cost"]);
    return cost >= 4 && cost <= MAX_BCRYPT_COST ? null : `Give a bcrypt hash with a cost of 4 to ${MAX_BCRYPT_COST}.`;
  }
  const argon2 = ARGON2.exec(hash)?.groups;
  if (!argon2) return "Give a bcrypt hash ($2a$, $2b$, $2y$) or an argon2 hash ($argon2id$, $argon2i$, $argon2d$).";
  return Number(argon2["memory"]) <= MAX_ARGON2_KIB && Number(argon2["time"]) <= MAX_ARGON2_TIME
    ? null
    : `Give an argon2 hash with at most m=${MAX_ARGON2_KIB} and t=${MAX_ARGON2_TIME}.`;
}

/** Names a format for the log, without anything of the hash. */
export const formatOfHash = (hash: string): string => /^\$[a-z0-9-]{1,20}\$/i.exec(hash)?.[0] ?? "unknown";
