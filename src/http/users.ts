import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { changeUser } from "../accounts/user-change.ts";
import { createUser, findUser, listUsers, versionOf } from "../accounts/users.ts";
import { InvalidInput } from "../errors.ts";
import { LOCALES } from "../mail/kinds.ts";
import { callerOnly } from "./access-tokens.ts";
import { etagOf, isKnown, versionsOf } from "./etags.ts";
import { requestContext } from "./request-context.ts";
import { limitOf, linkNext } from "./paging.ts";
import {
  addressField,
  bearer,
  passwordHashErrors,
  line,
  nullable,
  ProblemSchema,
  prose,
  PublicUserSchema,
  usernameFilter,
  UsernameParams,
} from "./schemas.ts";

export const userFields = {
  name: line(100, { example: "Pam Beesly" }),
  username: line(64, { example: "pam-beesly", description: "Default: the slug of the name." }),
  dept: line(64, { example: "reception", description: "`management` makes a superuser." }),
  avatar: nullable(prose(2048, { example: "https://example.com/pam.png" })),
  bio: nullable(prose(4096, { example: "Paints." })),
  currency: t.String({
    pattern: "^[A-Z]{3}$",
    error: "Give a currency of three capital letters.",
    examples: ["USD"],
  }),
  locale: nullable(
    t.UnionEnum([...LOCALES], { default: undefined, description: "Of letters; null: as the browser says." }),
  ),
};
const { name, username, dept, avatar, bio, currency, locale } = userFields;

const publicRoutes = (deps: Deps) =>
  new Elysia()
    .get(
      "/user/",
      async ({ query, set }) => {
        const { items, next } = await listUsers(deps.db, query.limit, query.after ?? null);
        linkNext(set.headers, "/user/", query, next);
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
        response: { 200: t.Array(PublicUserSchema), 422: ProblemSchema },
        detail: {
          summary: "List the accounts",
          description: 'By username; `Link: rel="next"` leads on. Never shows addresses.',
        },
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
        response: { 200: PublicUserSchema, 304: t.Void(), 404: ProblemSchema, 422: ProblemSchema },
        detail: {
          summary: "Read an account",
          description: "With its `ETag`; 304 when `If-None-Match` has it already.",
        },
      },
    );

const callerRoutes = (deps: Deps) =>
  new Elysia()
    .use(requestContext(deps.config.trustProxy))
    .use(callerOnly(deps))
    .post(
      "/user/",
      async ({ body, caller, context, set }) => {
        const created = await createUser(deps, caller, body, context);
        set.status = 201;
        set.headers["location"] = `/user/${created.username}/`;
        return created;
      },
      {
        parse: "json",
        body: t.Object(
          {
            name,
            email: addressField,
            dept,
            password: t.Optional(
              t.String({
                description: "Without one, the owner is invited by mail to set it.",
                examples: ["a long enough one"],
              }),
            ),
            username: t.Optional(username),
            avatar: t.Optional(avatar),
            bio: t.Optional(bio),
            currency: t.Optional(currency),
          },
          {
            additionalProperties: false,
            examples: [{ name: "Kevin Malone", email: "kmalone@dm.com", dept: "accounting" }],
          },
        ),
        response: {
          201: PublicUserSchema,
          401: ProblemSchema,
          403: ProblemSchema,
          409: ProblemSchema,
          422: ProblemSchema,
          ...passwordHashErrors,
        },
        detail: {
          summary: "Create an account",
          description: "Superusers only. With a password a welcome is mailed, without one an invitation.",
          security: bearer,
        },
      },
    )
    .patch(
      "/user/:username/",
      async ({ params, body, headers, caller, context, set }) => {
        if (Object.keys(body).length === 0) throw new InvalidInput("Send at least one field to change.");
        const versions = versionsOf(headers["if-match"]);
        const changed = await changeUser(deps, caller, params.username, body, versions, context);
        set.headers["etag"] = etagOf(versionOf(changed));
        return changed;
      },
      {
        parse: "json",
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
          { additionalProperties: false, examples: [{ bio: "Paints.", locale: "pt-BR" }] },
        ),
        response: {
          200: PublicUserSchema,
          401: ProblemSchema,
          403: ProblemSchema,
          404: ProblemSchema,
          409: ProblemSchema,
          412: ProblemSchema,
          422: ProblemSchema,
        },
        detail: {
          summary: "Change an account",
          description:
            "Its owner changes avatar, bio and locale; a superuser also name, dept and currency. null clears. " +
            "With `If-Match` only if it is as it was read; else 412.",
          security: bearer,
        },
      },
    );

export const userRoutes = (deps: Deps) =>
  new Elysia({ name: "users", tags: ["Accounts"], normalize: false }).use(publicRoutes(deps)).use(callerRoutes(deps));
