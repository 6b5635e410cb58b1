import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { changeUser } from "../accounts/user-change.ts";
import { createUser, findUser, listUsers, versionOf } from "../accounts/users.ts";
import { LOCALES } from "../mail/kinds.ts";
import { requiredCaller } from "./admission.ts";
import { etagOf, isKnown, versionsOf } from "./etags.ts";
import { operation } from "./operation.ts";
import { limitOf, LINK_HEADER, linkNext } from "./paging.ts";
import { basePath } from "./path.ts";
import { requestContext } from "./request-context.ts";
import {
  addressField,
  line,
  newPassword,
  nullable,
  problemsOf,
  prose,
  usernameFilter,
  UsernameParams,
  UserSchema,
} from "./schemas.ts";

export const userFields = {
  name: line(100, { example: "Pam Beesly" }),
  username: line(64, {
    example: "pam-beesly",
    description: "Lower-case letters a to z, digits and single hyphens. By default it is made from the name.",
  }),
  dept: line(64, { example: "reception", description: "Accounts in `management` are superusers." }),
  avatar: nullable(prose(2048, { example: "https://example.com/pam.png" })),
  bio: nullable(prose(4096, { example: "Paints." })),
  currency: t.String({
    pattern: "^[A-Z]{3}$",
    error: "Give a currency of three capital letters.",
    examples: ["USD"],
  }),
  locale: nullable(
    t.UnionEnum([...LOCALES], {
      default: undefined,
      description: "The language of emails. null: the language of the browser that causes them.",
    }),
  ),
};
const { name, username, dept, avatar, bio, currency, locale } = userFields;

const ETAG_HEADER = { etag: "The version of the account, for `If-Match` and `If-None-Match`." } as const;

const publicRoutes = (deps: Deps) =>
  new Elysia()
    .get(
      "/user/",
      async ({ query, set }) => {
        const { items, next } = await listUsers(deps.db, query.limit, query.after ?? null);
        linkNext(set.headers, `${basePath(deps.config)}/user/`, query, next);
        return items as (typeof items)[number][];
      },
      {
        query: t.Object(
          {
            limit: limitOf("Accounts", { usual: 100, most: 1000 }),
            after: usernameFilter("The last username of the page before."),
          },
          { additionalProperties: false },
        ),
        response: { 200: t.Array(UserSchema), ...problemsOf(422) },
        detail: operation({
          access: "public",
          limit: "read",
          operationId: "listUsers",
          summary: "List the accounts",
          description: "Ordered by username. Email addresses are not shown.",
          headers: { 200: LINK_HEADER },
        }),
      },
    )
    .get(
      "/user/:username/",
      async ({ params, headers, set }) => {
        const found = await findUser(deps.db, params.username);
        const version = versionOf(found);
        set.headers["etag"] = etagOf(version);
        if (!isKnown(headers["if-none-match"], version)) return found;
        set.status = 304;
      },
      {
        params: UsernameParams,
        response: { 200: UserSchema, 304: t.Void(), ...problemsOf(404, 422) },
        detail: operation({
          access: "public",
          limit: "read",
          operationId: "getUser",
          summary: "Read an account",
          description: "304 when `If-None-Match` names the current version.",
          headers: { 200: ETAG_HEADER, 304: ETAG_HEADER },
        }),
      },
    );

const callerRoutes = (deps: Deps) =>
  new Elysia()
    .use(requestContext(deps.config.trustProxy))
    .use(requiredCaller())
    .post(
      "/user/",
      async ({ body, caller, context, set }) => {
        const created = await createUser(deps, caller, body, context);
        set.status = 201;
        set.headers["location"] = `${basePath(deps.config)}/user/${created.username}/`;
        return created;
      },
      {
        body: t.Object(
          {
            name,
            email: addressField,
            dept,
            password: t.Optional({
              ...newPassword(deps.config),
              description: "Without one, the owner is invited by email to set it.",
            }),
            username: t.Optional(username),
            avatar: t.Optional(avatar),
            bio: t.Optional(bio),
            currency: t.Optional(currency),
          },
          {
            title: "NewUser",
            additionalProperties: false,
            examples: [{ name: "Kevin Malone", email: "kevin@example.com", dept: "accounting" }],
          },
        ),
        response: { 201: UserSchema, ...problemsOf(401, 403, 409, 422, 503) },
        detail: operation({
          access: "superuser",
          limit: "none",
          body: "json",
          operationId: "createUser",
          summary: "Create an account",
          description: "With a password a welcome is emailed, without one an invitation.",
          headers: { 201: { location: "The path of the account." } },
        }),
      },
    )
    .patch(
      "/user/:username/",
      async ({ params, body, headers, caller, context, set }) => {
        const versions = versionsOf(headers["if-match"]);
        const changed = await changeUser(deps, caller, params.username, body, versions, context);
        set.headers["etag"] = etagOf(versionOf(changed));
        return changed;
      },
      {
        params: UsernameParams,
        body: t.Object(
          {
            avatar: t.Optional(avatar),
            bio: t.Optional(bio),
            locale: t.Optional(locale),
            name: t.Optional(name),
            dept: t.Optional(dept),
            currency: t.Optional(currency),
          },
          {
            title: "UserChanges",
            minProperties: 1,
            error: "Send at least one field to change.",
            additionalProperties: false,
            examples: [{ bio: "Paints.", locale: "pt-BR" }],
          },
        ),
        response: { 200: UserSchema, ...problemsOf(401, 403, 404, 409, 412, 422) },
        detail: operation({
          access: "owner",
          limit: "none",
          body: "json",
          operationId: "updateUser",
          summary: "Change an account",
          description:
            "Its owner changes avatar, bio and locale; a superuser also name, dept and currency. null clears a field. " +
            "With `If-Match`, only when the account has this version; otherwise 412.",
          headers: { 200: ETAG_HEADER },
        }),
      },
    );

export const userRoutes = (deps: Deps) =>
  new Elysia({ name: "users", tags: ["Accounts"], normalize: false }).use(publicRoutes(deps)).use(callerRoutes(deps));
