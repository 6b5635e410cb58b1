/** Schemas that more than one resource uses. */
import { t, type TSchema } from "elysia";

/** Characters but these; of surrogates whole pairs only, because PostgreSQL can store neither half, nor NUL. */
const textWithout = (controls: string): string =>
  `(?:[^${controls}\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*`;

/** No control character but tab and line breaks. */
export const PLAIN_TEXT = `^${textWithout("\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f")}$`;

/** One line of text for people: names, depts. */
export const line = (maxLength: number, options: { example: string; description?: string }) =>
  t.String({
    minLength: 1,
    maxLength,
    pattern: `^(?=.*\\S)${textWithout("\\u0000-\\u001f\\u007f-\\u009f")}$`,
    error: `Give 1 to ${maxLength} characters on one line.`,
    ...options,
  });

export const prose = (maxLength: number, options: { example: string; description?: string }) =>
  t.String({
    maxLength,
    pattern: PLAIN_TEXT,
    error: `Give at most ${maxLength} characters of plain text.`,
    ...options,
  });

/** What a caller must show, as OpenAPI says it. */
export const bearer = [{ bearerAuth: [] }];

export const moment = (description: string) => t.String({ format: "date-time", description });

/** Lower case, as PostgreSQL prints them. */
export const ID_PATTERN = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

export const idParams = (what: string) =>
  t.Object({ id: t.String({ pattern: ID_PATTERN, error: `Give a ${what} id.`, description: `The ${what}'s id.` }) });

export const usernameFilter = (description: string) =>
  t.Optional(t.String({ maxLength: 64, pattern: "^[a-z0-9-]*$", description }));

/** Judged by `accounts/addresses.ts`; here only what is no address of anybody. */
export const addressField = t.String({
  minLength: 3,
  maxLength: 320,
  error: "Give one e-mail address.",
  examples: ["pam@example.com"],
});

/** A union says only that nothing fits: what to mend is said by what it may hold. */
export const nullable = <S extends TSchema>(schema: S) =>
  t.Union([schema, t.Null()], "error" in schema ? { error: schema["error"] } : {});

export const PublicUserSchema = t.Object(
  {
    name: t.String({ examples: ["Michael Scott"] }),
    username: t.String({ examples: ["michael-scott"] }),
    dept: t.String({ examples: ["management"] }),
    avatar: nullable(t.String()),
    bio: nullable(t.String()),
    currency: t.String({ examples: ["USD"] }),
  },
  { description: "What everybody may see of an account." },
);

export const ProblemSchema = t.Object(
  {
    type: t.String({ examples: ["about:blank"] }),
    title: t.String({ examples: ["Unprocessable Content"] }),
    status: t.Integer({ examples: [422] }),
    detail: t.String({ examples: ["email: Give one e-mail address."] }),
    errors: t.Optional(t.Array(t.Object({ pointer: t.String(), detail: t.String() }))),
  },
  { description: "RFC 9457 problem details; `detail` is where FastAPI's clients look for it." },
);

/** Of a route that compares a password: guesses are counted, and hashes wait in line. */
export const passwordCheckErrors = { 429: ProblemSchema, 503: ProblemSchema };
/** Of one that only stores one. */
export const passwordHashErrors = { 503: ProblemSchema };

/** Any string here is looked up and, when it is nobody's, not found: no schema error tells names from non-names. */
export const UsernameParams = t.Object({
  username: t.String({ maxLength: 256, pattern: PLAIN_TEXT, description: "The slug.", examples: ["pam-beesly"] }),
});

/** Longer than any password that was ever taken; so nobody makes us hash a novel. */
export const currentPassword = t.String({ maxLength: 1024, description: "The password that the account has now." });

/** Whatever stands in the token's place is judged as a token: one 403 for all that is not a good one (R23, R27). */
export const linkToken = t.Any({ description: "The token of the mail's link.", type: "string" });

export const NewPasswordFields = {
  password: t.String({ description: "The new password: at least 12 characters.", examples: ["a new and long one"] }),
  password_confirm: t.String({ description: "The same again.", examples: ["a new and long one"] }),
};
