/**
 * Every kind of problem that the API answers with, written once: the `type` of RFC 9457, its HTTP status and what it
 * means. The union type, the OpenAPI document and the table in `docs/front-end.md` follow this list.
 */
export const PROBLEM_TYPES = {
  "malformed-request": { status: 400, meaning: "The request line or a header is not valid HTTP." },
  "malformed-body": { status: 400, meaning: "The body is not valid JSON or not a valid form, or it is not UTF-8." },
  "passwords-differ": { status: 400, meaning: "The password and its confirmation differ." },
  "unsupported-grant-type": { status: 400, meaning: "`POST /token` supports the `password` grant only." },
  "login-required": { status: 401, meaning: "The route needs an access token and none was sent." },
  "invalid-access-token": { status: 401, meaning: "The access token has expired, or its session has ended." },
  "invalid-refresh-token": { status: 401, meaning: "The refresh token is unknown, used or expired. Log in again." },
  "wrong-credentials": { status: 401, meaning: "No account has this login and this password." },
  "credentials-changed": { status: 401, meaning: "The account changed while the request was handled. Log in again." },
  forbidden: { status: 403, meaning: "The account may not do this." },
  "invalid-link": { status: 403, meaning: "The token of an emailed link is unknown, used or expired." },
  "foreign-form": {
    status: 403,
    meaning: "A page of another site, which `CORS_ORIGINS` does not list, sent this form.",
  },
  "wrong-current-password": { status: 403, meaning: "The current password is wrong." },
  "not-found": { status: 404, meaning: "There is no such resource." },
  "method-not-allowed": { status: 405, meaning: "The path does not support this method; `Allow` lists those it does." },
  conflict: { status: 409, meaning: "The state of the resource does not allow this." },
  "username-taken": { status: 409, meaning: "Another account has this username." },
  "email-taken": { status: 409, meaning: "Another account has this email address." },
  "last-superuser": { status: 409, meaning: "The last superuser cannot be demoted, disabled or deleted." },
  "version-mismatch": { status: 412, meaning: "The resource has changed since the version in `If-Match`." },
  "body-too-large": {
    status: 413,
    meaning: "The body is larger than the route takes: 64 KiB, or 2 MiB for an import.",
  },
  "unsupported-media-type": {
    status: 415,
    meaning: "The body has another type, charset or encoding than the route takes.",
  },
  "invalid-input": { status: 422, meaning: "A field is missing, unknown or wrong; `errors` names each one." },
  "invalid-address": { status: 422, meaning: "The email address cannot receive mail." },
  "invalid-username": { status: 422, meaning: "The username does not follow the rule, or is reserved." },
  "current-password-required": {
    status: 422,
    meaning:
      "The caller must send its current password: the owner of the account, or a superuser whose login is not recent.",
  },
  "password-too-short": { status: 422, meaning: "The new password has fewer characters than required." },
  "password-too-long": { status: 422, meaning: "The new password is longer than 1,024 bytes." },
  "password-too-repetitive": { status: 422, meaning: "The new password repeats the same few characters." },
  "password-too-personal": {
    status: 422,
    meaning: "Without words of the account itself the new password is too short.",
  },
  "password-too-common": { status: 422, meaning: "The new password is one of the most common ones." },
  "too-many-requests": { status: 429, meaning: "A rate limit is exceeded; `Retry-After` says when to try again." },
  "internal-error": { status: 500, meaning: "An unexpected error. It is logged under the answer's `X-Request-Id`." },
  unavailable: { status: 503, meaning: "A part that the request needs is not available. Nothing was done; try again." },
} as const satisfies Record<string, { readonly status: number; readonly meaning: string }>;

export type ProblemType = keyof typeof PROBLEM_TYPES;

export const PROBLEM_TYPE_NAMES = Object.keys(PROBLEM_TYPES) as [ProblemType, ...ProblemType[]];

/** A URN, so that it is the same for every deployment and clients can compare it whole (RFC 9457 §3.1.1). */
export const PROBLEM_TYPE_PREFIX = "urn:dundie:problem:";
