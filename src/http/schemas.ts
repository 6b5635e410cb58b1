/**
 * The schemas of the API's resources and fields. One schema is the validation, the TypeScript type and the document: a
 * `title` makes it a named schema there.
 */
import { t, type Static, type TSchema } from "elysia";
import type { Config } from "../config.ts";
import { ACCOUNT_STATES } from "../db/states.ts";
import { LOCALES } from "../mail/kinds.ts";
import { PROBLEM_TYPE_NAMES, PROBLEM_TYPE_PREFIX, type ProblemType } from "../problem-types.ts";

/** All characters but these controls; of surrogates whole pairs only, because PostgreSQL stores neither half, nor NUL. */
const textWithout = (controls: string): string =>
  `(?:[^${controls}\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*`;

/** No control character but tab and line breaks. */
export const PLAIN_TEXT = `^${textWithout("\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f")}$`;

/** No control character, and something that is not a space. */
const ONE_LINE = `^(?=.*\\S)${textWithout("\\u0000-\\u001f\\u007f-\\u009f")}$`;

/** One line of text for people: names, departments. */
export const line = (maxLength: number, options: { example: string; description?: string }) =>
  t.String({
    minLength: 1,
    maxLength,
    pattern: ONE_LINE,
    error: `Give 1 to ${maxLength} characters on one line.`,
    ...options,
  });

export const NAME_MAX = 100;

/** Whether a form's field is a name as the API takes it. */
export const isName = (text: string): boolean => text.length <= NAME_MAX && new RegExp(ONE_LINE).test(text);

export const prose = (maxLength: number, options: { example: string; description?: string }) =>
  t.String({
    maxLength,
    pattern: PLAIN_TEXT,
    error: `Give at most ${maxLength} characters of plain text.`,
    ...options,
  });

/** Spaces, controls, and what ends an attribute or an address in HTML and CSS. */
const UNSAFE = "\\s\\u0000-\\u001f\\u007f-\\u009f\"'`<>\\\\";

/**
 * An address that pages may put into a link or an image: `javascript:`, `data:` and `file:` would run or read something
 * in the page that shows it. The schemes are http and https, and there is no user and no password in it.
 */
export const webAddress = (maxLength: number, options: { example: string }) =>
  t.String({
    maxLength,
    pattern: `^[hH][tT][tT][pP][sS]?://[^/?#@${UNSAFE}]+([/?#][^${UNSAFE}]*)?$`,
    error: "Give an address that begins with https:// or http://.",
    ...options,
  });

export const moment = (description: string) => t.String({ format: "date-time", description });

/** Lower case, as PostgreSQL prints them. */
export const ID_PATTERN = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

export const idParams = (what: string) =>
  t.Object({ id: t.String({ pattern: ID_PATTERN, error: `Give a ${what} id.`, description: `The ${what}'s id.` }) });

export const usernameFilter = (description: string) =>
  t.Optional(t.String({ maxLength: 64, pattern: "^[a-z0-9-]*$", description }));

/** `addresses.ts` decides what an address is; this only bounds its length. */
export const addressField = t.String({
  minLength: 3,
  maxLength: 320,
  error: "Give one email address.",
  description: "An email address. Spaces around it are ignored.",
  examples: ["pam@example.com"],
});

/** A union's error says only that nothing fits, so the error of its one member is used. */
export const nullable = <S extends TSchema>(schema: S) =>
  t.Union([schema, t.Null()], "error" in schema ? { error: schema["error"] } : {});

/** The public profile. */
export const profileFields = {
  name: t.String({ examples: ["Michael Scott"] }),
  username: t.String({ examples: ["michael-scott"] }),
  dept: t.String({ examples: ["management"] }),
  avatar: nullable(t.String()),
  bio: nullable(t.String()),
  currency: t.String({ examples: ["USD"] }),
};

/** The language of an account's emails. */
export const localeField = nullable(
  t.UnionEnum([...LOCALES], {
    default: undefined,
    description: "The language of emails. null: that of the browser that causes them, or `DEFAULT_LOCALE`.",
  }),
);

export const UserSchema = t.Object(
  {
    ...profileFields,
    email: t.Optional(t.String({ examples: ["pam@example.com"] })),
    email_verified: t.Optional(t.Boolean({ description: "Whether a link that was sent to this address was used." })),
    state: t.Optional(
      t.UnionEnum([...ACCOUNT_STATES], {
        default: undefined,
        description:
          "`invited`: no password has been chosen. `unverified`: it can log in, and its address is not proved. " +
          "`frozen`: disabled by its owner.",
      }),
    ),
    superuser: t.Optional(t.Boolean({ description: "Whether it may administer every account." })),
    locale: t.Optional(localeField),
    created_at: t.Optional(moment("When the account was created.")),
    last_login_at: t.Optional(nullable(moment("null: it has never logged in."))),
  },
  {
    title: "User",
    description: "The public profile of an account. To superusers, `GET` sends the optional fields too.",
  },
);
export type User = Static<typeof UserSchema>;

/** What an operation answers where there is nothing to say but that it was accepted. */
export const messageAnswer = <const M extends string>(message: M) => t.Object({ message: t.Literal(message) });

type ProblemTypeUrn = `${typeof PROBLEM_TYPE_PREFIX}${ProblemType}`;
type ProblemTypes = [ProblemTypeUrn, ...ProblemTypeUrn[]];

export const ProblemSchema = t.Object(
  {
    type: t.UnionEnum(PROBLEM_TYPE_NAMES.map((name) => `${PROBLEM_TYPE_PREFIX}${name}` as const) as ProblemTypes, {
      default: undefined,
      description: "What clients branch on.",
      examples: [`${PROBLEM_TYPE_PREFIX}invalid-input`],
    }),
    title: t.String({ description: "The name of the status.", examples: ["Unprocessable Content"] }),
    status: t.Integer({ examples: [422] }),
    detail: t.String({ description: "A sentence for people.", examples: ["email: Give one email address."] }),
    errors: t.Optional(
      t.Array(t.Object({ pointer: t.String({ examples: ["/email"] }), detail: t.String() }), {
        description: "What is wrong in the body or the query, by JSON pointer.",
      }),
    ),
    error: t.Optional(t.String({ description: "On the OAuth routes (RFC 6749 §5.2).", examples: ["invalid_grant"] })),
    error_description: t.Optional(t.String({ description: "On the OAuth routes: `detail` in ASCII." })),
  },
  {
    title: "Problem",
    description: "RFC 9457 problem details. FastAPI's clients find `detail` where they look for it.",
  },
);
export type Problem = Static<typeof ProblemSchema>;

type ErrorStatus = 400 | 401 | 403 | 404 | 409 | 412 | 422 | 429 | 503;

/** The errors of a route, for its `response`. What is refused before a route is asked is added in the document. */
export const problemsOf = <const S extends readonly ErrorStatus[]>(...statuses: S) =>
  Object.fromEntries(statuses.map((status) => [status, ProblemSchema])) as Record<S[number], typeof ProblemSchema>;

/** Every text is looked up, so that no schema error tells names from other texts. */
export const UsernameParams = t.Object({
  username: t.String({
    maxLength: 256,
    pattern: PLAIN_TEXT,
    description: "The username of the account.",
    examples: ["pam-beesly"],
  }),
});

/** Longer than any password that was ever accepted, which bounds the cost of hashing. */
export const currentPassword = t.String({ maxLength: 1024, description: "The password that the account has now." });

/** A value of any type is judged as a token: everything that is not a valid one gets the same 403 (R23, R27). */
export const linkToken = t.Any({ description: "The token of an emailed link.", type: "string" });

export const newPassword = ({ passwordMinLength }: Pick<Config, "passwordMinLength">) =>
  t.String({
    description: `The new password: at least ${passwordMinLength} characters.`,
    examples: ["seven blue lanterns at dusk"],
  });

export const newPasswordFields = (config: Pick<Config, "passwordMinLength">) => ({
  password: newPassword(config),
  password_confirm: t.String({ description: "The same again.", examples: ["seven blue lanterns at dusk"] }),
});
