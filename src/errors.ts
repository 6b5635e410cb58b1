/**
 * Errors that callers catch. They know nothing of HTTP: `http/problem.ts` maps each one to a status and a problem type.
 * Every other error is a defect and is answered with a 500 that does not show its message.
 */
export class DomainError extends Error {
  override readonly name: string = "DomainError";
}

/** The caller's credentials or token are missing, wrong or no longer valid. */
export class Unauthenticated extends DomainError {
  override readonly name = "Unauthenticated";
}

/** The caller is known and is not allowed to do this. */
export class Forbidden extends DomainError {
  override readonly name = "Forbidden";
}

export class NotFound extends DomainError {
  override readonly name = "NotFound";
}

/** The current state does not allow the request: a taken name, a message that has already ended. */
export class Conflict extends DomainError {
  override readonly name = "Conflict";
  readonly field: string | null;
  constructor(message: string, field: string | null = null) {
    super(message);
    this.field = field;
  }
}

/** The caller wants to change a resource that has changed since the caller read it. */
export class VersionMismatch extends DomainError {
  override readonly name = "VersionMismatch";
}

/** The input is well-formed and cannot be accepted; `field` names the member that is wrong. */
export class InvalidInput extends DomainError {
  override readonly name = "InvalidInput";
  readonly field: string | null;
  constructor(message: string, field: string | null = null) {
    super(message);
    this.field = field;
  }
}

/** Why a new password is refused; `length` counts code points. */
export type Weakness =
  | { readonly kind: "long" | "repetitive" | "common" }
  | { readonly kind: "short" | "own_words"; readonly length: number };

/** `weakness` carries the same reason as the message, for pages that say it in another language. */
export class WeakPassword extends InvalidInput {
  readonly weakness: Weakness;
  constructor(message: string, weakness: Weakness) {
    super(message, "password");
    this.weakness = weakness;
  }
}

/** The password and its confirmation differ. */
export class PasswordsDiffer extends DomainError {
  override readonly name = "PasswordsDiffer";
}

/** A rate limit is exceeded; the same request may be sent again after `retryAfterSeconds`. */
export class TooManyRequests extends DomainError {
  override readonly name = "TooManyRequests";
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A part that the request needs is not available; nothing was done. */
export class Unavailable extends DomainError {
  override readonly name = "Unavailable";
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number, options?: ErrorOptions) {
    super(message, options);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The process cannot start with this environment; `problems` has one line for each variable. */
export class ConfigError extends DomainError {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`Cannot start:\n${problems.map((p) => `  - ${p}`).join("\n")}`);
    this.problems = problems;
  }
}
