/** The fields of accounts in requests, and an account as superusers see it. */
import { t } from "elysia";
import type { ManagedUser } from "../accounts/user-search.ts";
import { publicFields } from "../accounts/users.ts";
import { line, localeField, NAME_MAX, nullable, prose, type User, webAddress } from "./schemas.ts";

export const userFields = {
  name: line(NAME_MAX, { example: "Pam Beesly" }),
  username: line(64, {
    example: "pam-beesly",
    description: "Lower-case letters a to z, digits and single hyphens. By default it is made from the name.",
  }),
  dept: line(64, {
    example: "reception",
    description:
      "Accounts that are made in `management`, or moved there, are superusers, unless `superuser` says otherwise.",
  }),
  avatar: nullable(webAddress(2048, { example: "https://example.com/pam.png" })),
  bio: nullable(prose(4096, { example: "Paints." })),
  currency: t.String({
    pattern: "^[A-Z]{3}$",
    error: "Give a currency of three capital letters.",
    examples: ["USD"],
  }),
  locale: localeField,
};

/** What a request that changes who is a superuser needs. */
export const FRESH_PROOF =
  "To change who is a superuser, log in within the last 5 minutes or send your own `current_password`.";

export const superuserFlag = (description: string) =>
  t.Boolean({ description: `Whether the account may administer every account. ${description}` });

/** For what needs a fresh proof. */
export const ownPassword = t.String({
  maxLength: 1024,
  description: "The caller's own password, unless the login is at most 5 minutes old.",
});

export const managedJson = (user: ManagedUser): User => ({
  ...publicFields(user),
  email: user.email,
  email_verified: user.emailVerified,
  state: user.state,
  superuser: user.superuser,
  locale: user.locale,
  created_at: user.createdAt.toISOString(),
  last_login_at: user.lastLoginAt?.toISOString() ?? null,
});
