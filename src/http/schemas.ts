/** Schemas that more than one resource uses. */
import { t, type TSchema } from "elysia";

/** No NUL, which PostgreSQL cannot store, and no other control character but tab and line breaks. */
const PLAIN_TEXT = "^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f\\ud800-\\udfff]*$";

/** One line of text for people: names, depts. */
export const line = (maxLength: number, options: { example: string; description?: string }) =>
  t.String({
    minLength: 1,
    maxLength,
    pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]*\\S[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]*$",
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

export const nullable = <S extends TSchema>(schema: S) => t.Union([schema, t.Null()]);

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

/** Any string here is looked up and, when it is nobody's, not found: no schema error tells names from non-names. */
export const UsernameParams = t.Object({
  username: t.String({ maxLength: 256, pattern: PLAIN_TEXT, description: "The slug.", examples: ["michael-scott"] }),
});

export const NewPasswordFields = {
  password: t.String({ description: "The new password: at least 12 characters.", examples: ["a new and long one"] }),
  password_confirm: t.String({ description: "The same again.", examples: ["a new and long one"] }),
};
