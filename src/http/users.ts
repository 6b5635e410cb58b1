import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { changeUser } from "../accounts/user-change.ts";
import { createUser, findUser, listUsers, versionOf, type Page } from "../accounts/users.ts";
import { findManagedUser, searchUsers, type ManagedUser } from "../accounts/user-search.ts";
import { ACCOUNT_STATES } from "../db/states.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { refuseOthers, requiredCaller, superuserIfAny } from "./admission.ts";
import { etagOf, isKnown, versionsOf } from "./etags.ts";
import { operation } from "./operation.ts";
import { limitOf, LINK_HEADER, linkNext } from "./paging.ts";
import { basePath } from "./path.ts";
import { requestContext } from "./request-context.ts";
import {
  addressField,
  newPassword,
  problemsOf,
  usernameFilter,
  UsernameParams,
  UserSchema,
  type User,
} from "./schemas.ts";
import { FRESH_PROOF, managedJson, ownPassword, superuserFlag, userFields } from "./user-schemas.ts";

const { name, username, dept, avatar, bio, currency, locale } = userFields;

const ETAG_HEADER = { etag: "The version of the account, for `If-Match` and `If-None-Match`." } as const;

const publicRoutes = (deps: Deps, tokens: AccessTokens) =>
  new Elysia()
    .use(superuserIfAny())
    .get(
      "/user/",
      async ({ query, set, request, superuser }) => {
        const { limit, after, search, state, dept: department } = query;
        const filtered = [search, state, department].some((filter) => filter !== undefined);
        if (filtered && !superuser) return await refuseOthers(tokens, request);
        const { items, next }: Page<User> = superuser
          ? await seenBySuperuser(searchUsers(deps.db, { text: search, state, dept: department, after, limit }))
          : await listUsers(deps.db, limit, after ?? null);
        linkNext(set.headers, `${basePath(deps.config)}/user/`, query, next);
        return [...items];
      },
      {
        query: t.Object(
          {
            limit: limitOf("Accounts", { usual: 100, most: 1000 }),
            after: usernameFilter("The last username of the page before."),
            search: t.Optional(
              t.String({
                maxLength: 320,
                pattern: "^[^\\u0000]*$",
                description: "A part of the name, the username or the address, in any case. For superusers.",
              }),
            ),
            state: t.Optional(t.UnionEnum([...ACCOUNT_STATES], { default: undefined, description: "For superusers." })),
            dept: t.Optional(
              t.String({
                maxLength: 64,
                pattern: "^[^\\u0000]*$",
                description: "The whole department. For superusers.",
              }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: t.Array(UserSchema), ...problemsOf(401, 403, 422) },
        detail: operation({
          access: "public",
          superuserSeesMore: true,
          limit: "read",
          operationId: "listUsers",
          summary: "List the accounts",
          description:
            "Ordered by username. To superusers it shows accounts in every state, with address, state and last login, " +
            "and `search`, `state` and `dept` choose among them. Others see the public profiles, and may not filter.",
          headers: { 200: LINK_HEADER },
        }),
      },
    )
    .get(
      "/user/:username/",
      async ({ params, headers, set, superuser }): Promise<User | undefined> => {
        const managed = superuser ? await findManagedUser(deps.db, params.username) : null;
        const found = managed ?? (await findUser(deps.db, params.username));
        const version = versionOf(found);
        set.headers["etag"] = etagOf(version);
        // The version is that of the profile, and a superuser sees more than the profile.
        if (managed) return managedJson(managed);
        if (!isKnown(headers["if-none-match"], version)) return found;
        set.status = 304;
        return undefined;
      },
      {
        params: UsernameParams,
        response: { 200: UserSchema, 304: t.Void(), ...problemsOf(404, 422) },
        detail: operation({
          access: "public",
          superuserSeesMore: true,
          limit: "read",
          operationId: "getUser",
          summary: "Read an account",
          description:
            "304 when `If-None-Match` names the current version. Superusers find disabled accounts as well, " +
            "and see address, state and last login.",
          headers: { 200: ETAG_HEADER, 304: ETAG_HEADER },
        }),
      },
    );

async function seenBySuperuser(page: Promise<Page<ManagedUser>>): Promise<Page<User>> {
  const { items, next } = await page;
  return { items: items.map(managedJson), next };
}

const callerRoutes = (deps: Deps) =>
  new Elysia()
    .use(requestContext(deps.config))
    .use(requiredCaller())
    .post(
      "/user/",
      async ({ body, caller, context, set }) => {
        const { current_password: currentPassword, ...person } = body;
        const created = await createUser(deps, caller, person, context, { currentPassword });
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
            locale: t.Optional(locale),
            superuser: t.Optional(superuserFlag("By default accounts of the department `management` are superusers.")),
            current_password: t.Optional(ownPassword),
          },
          {
            title: "NewUser",
            additionalProperties: false,
            examples: [{ name: "Kevin Malone", email: "kevin@example.com", dept: "accounting" }],
          },
        ),
        response: { 201: UserSchema, ...problemsOf(401, 403, 409, 422, 429, 503) },
        detail: operation({
          access: "superuser",
          limit: "none",
          body: "json",
          operationId: "createUser",
          summary: "Create an account",
          description:
            "With a password the person gets a welcome email, without one an invitation, in the account's `locale` or in " +
            `\`DEFAULT_LOCALE\`. ${FRESH_PROOF} Then all superusers are notified by email.`,
          headers: { 201: { location: "The path of the account." } },
        }),
      },
    )
    .patch(
      "/user/:username/",
      async ({ params, body, headers, caller, context, set }) => {
        const versions = versionsOf(headers["if-match"]);
        const { current_password: currentPassword, ...fields } = body;
        const changes = { ...fields, currentPassword };
        const changed = await changeUser(deps, caller, params.username, changes, versions, context);
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
            superuser: t.Optional(
              superuserFlag("Without it, a move into the department `management` or out of it decides."),
            ),
            current_password: t.Optional(ownPassword),
          },
          {
            title: "UserChanges",
            minProperties: 1,
            error: "Send at least one field to change.",
            additionalProperties: false,
            examples: [{ bio: "Paints.", locale: "pt-BR" }],
          },
        ),
        response: { 200: UserSchema, ...problemsOf(401, 403, 404, 409, 412, 422, 429, 503) },
        detail: operation({
          access: "owner",
          limit: "none",
          body: "json",
          operationId: "updateUser",
          summary: "Change an account",
          description:
            "Its owner changes avatar, bio and locale; a superuser also name, dept, currency and superuser. null clears a " +
            `field. ${FRESH_PROOF} The account and all superusers are notified by email. ` +
            "With `If-Match`, 412 unless the account still has this version.",
          headers: { 200: ETAG_HEADER },
        }),
      },
    );

export const userRoutes = (deps: Deps, tokens: AccessTokens) =>
  new Elysia({ name: "users", tags: ["Accounts"], normalize: false })
    .use(publicRoutes(deps, tokens))
    .use(callerRoutes(deps));
