/**
 * What callers catch. No HTTP here: `http/problem.ts` maps each to a status.
 * Everything else that is thrown is a fault of ours and shows as a 500 without its words.
 */
export class DomainError extends Error {
  override readonly name: string = "DomainError";
}

/** The credentials or the token of the caller are missing or not good (any more). */
export class Unauthenticated extends DomainError {
  override readonly name = "Unauthenticated";
}

/** The caller is known and may not do this. */
export class Forbidden extends DomainError {
  override readonly name = "Forbidden";
}

export class NotFound extends DomainError {
  override readonly name = "NotFound";
}

/** The state of the thing does not allow it: a taken name, a message that has already ended. */
export class Conflict extends DomainError {
  override readonly name = "Conflict";
  readonly field: string | null;
  constructor(message: string, field: string | null = null) {
    super(message);
    this.field = field;
  }
}

/** The caller wants to change a thing that is not as he last saw it. */
export class Outdated extends DomainError {
  override readonly name = "Outdated";
}

/** The input is well-formed and cannot be accepted; `field` is the JSON pointer of what to mend. */
export class Unacceptable extends DomainError {
  override readonly name = "Unacceptable";
  readonly field: string | null;
  constructor(message: string, field: string | null = null) {
    super(message);
    this.field = field;
  }
}

/** Why a new password is not taken; `length` counts code points. */
export type Weakness =
  | { readonly kind: "long" | "repetitive" | "common" }
  | { readonly kind: "short" | "own_words"; readonly length: number };

/** `weakness` says the same as the message, for whoever says it in another language. */
export class WeakPassword extends Unacceptable {
  readonly weakness: Weakness;
  constructor(message: string, weakness: Weakness) {
    super(message, "password");
    this.weakness = weakness;
  }
}

/** The two password fields differ: 400 in the chapter's contract. */
export class PasswordsDiffer extends DomainError {
  override readonly name = "PasswordsDiffer";
}

/** Too much at once; the same request is welcome again after `retryAfterSeconds`. */
export class TooManyRequests extends DomainError {
  override readonly name = "TooManyRequests";
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A part that the request needs does not answer; nothing was promised. */
export class Unavailable extends DomainError {
  override readonly name = "Unavailable";
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number, options?: ErrorOptions) {
    super(message, options);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The environment cannot be run with; `problems` has one line per variable. */
export class ConfigError extends DomainError {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`Cannot start:\n${problems.map((p) => `  - ${p}`).join("\n")}`);
    this.problems = problems;
  }
}
