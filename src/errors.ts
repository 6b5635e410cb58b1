/**
 * Errors that callers catch. They know nothing of HTTP: `http/problem.ts` turns each one into an answer of its problem
 * type. Every other error is a defect and is answered with a 500 that does not show its message.
 */
import type { ProblemType } from "./problem-types.ts";

export class DomainError extends Error {
  override readonly name: string = "DomainError";
  /** What a client can branch on; null for errors that no request meets. */
  readonly type: ProblemType | null;
  constructor(message: string, type: ProblemType | null, options?: ErrorOptions) {
    super(message, options);
    this.type = type;
  }
}

/** The caller's credentials or token are missing, wrong or no longer valid. */
export class Unauthenticated extends DomainError {
  override readonly name = "Unauthenticated";
}

/** The caller is known and is not allowed to do this. */
export class Forbidden extends DomainError {
  override readonly name = "Forbidden";
  constructor(
    message: string,
    type: "forbidden" | "invalid-link" | "wrong-current-password" | "foreign-form" = "forbidden",
  ) {
    super(message, type);
  }
}

export class NotFound extends DomainError {
  override readonly name = "NotFound";
  constructor(message: string) {
    super(message, "not-found");
  }
}

/** The current state does not allow the request: a taken name, a message that has already ended. */
export class Conflict extends DomainError {
  override readonly name = "Conflict";
  readonly field: string | null;
  constructor(
    message: string,
    field: string | null = null,
    type: "conflict" | "username-taken" | "email-taken" | "last-superuser" = "conflict",
  ) {
    super(message, type);
    this.field = field;
  }
}

/** The caller wants to change a resource that has changed since the caller read it. */
export class VersionMismatch extends DomainError {
  override readonly name = "VersionMismatch";
  constructor(message: string) {
    super(message, "version-mismatch");
  }
}

/** The input is well-formed and cannot be accepted; `field` names the member that is wrong. */
export class InvalidInput extends DomainError {
  override readonly name = "InvalidInput";
  readonly field: string | null;
  constructor(message: string, field: string | null = null, type: ProblemType = "invalid-input") {
    super(message, type);
    this.field = field;
  }
}

/** Why a new password is refused; `length` counts code points. */
export type Weakness =
  | { readonly kind: "long" | "repetitive" | "common" }
  | { readonly kind: "short" | "own_words"; readonly length: number };

const WEAKNESS_TYPES = {
  long: "password-too-long",
  repetitive: "password-too-repetitive",
  common: "password-too-common",
  short: "password-too-short",
  own_words: "password-too-personal",
} as const satisfies Record<Weakness["kind"], ProblemType>;

/** `weakness` carries the same reason as the message, for pages that say it in another language. */
export class WeakPassword extends InvalidInput {
  readonly weakness: Weakness;
  constructor(message: string, weakness: Weakness) {
    super(message, "password", WEAKNESS_TYPES[weakness.kind]);
    this.weakness = weakness;
  }
}

/** The password and its confirmation differ. */
export class PasswordsDiffer extends DomainError {
  override readonly name = "PasswordsDiffer";
  constructor(message: string) {
    super(message, "passwords-differ");
  }
}

/** A rate limit is exceeded; the same request may be sent again after `retryAfterSeconds`. */
export class TooManyRequests extends DomainError {
  override readonly name = "TooManyRequests";
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number) {
    super(message, "too-many-requests");
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A part that the request needs is not available; nothing was done. */
export class Unavailable extends DomainError {
  override readonly name = "Unavailable";
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number, options?: ErrorOptions) {
    super(message, "unavailable", options);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The body cannot be read: it is not UTF-8, not the JSON or form that it says it is, or too large. */
export class UnreadableBody extends DomainError {
  override readonly name = "UnreadableBody";
}

/** `POST /token` was asked for a grant that it does not support (RFC 6749 §5.2). */
export class UnsupportedGrantType extends DomainError {
  override readonly name = "UnsupportedGrantType";
  constructor(message: string) {
    super(message, "unsupported-grant-type");
  }
}

/** The process cannot start with this environment; `problems` has one line for each variable. */
export class ConfigError extends DomainError {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`Cannot start:\n${problems.map((p) => `  - ${p}`).join("\n")}`, null);
    this.problems = problems;
  }
}
