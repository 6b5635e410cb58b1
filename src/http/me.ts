import { Elysia, t, type Static } from "elysia";
import { listOwnEvents } from "../accounts/audit-log.ts";
import type { Deps } from "../accounts/deps.ts";
import { findMe, publicFields } from "../accounts/users.ts";
import { requiredCaller } from "./admission.ts";
import { eventFields, eventJson } from "./audit.ts";
import { operation } from "./operation.ts";
import { afterId, limitOf, LINK_HEADER, linkNext } from "./paging.ts";
import { basePath } from "./path.ts";
import { localeField, moment, problemsOf, profileFields } from "./schemas.ts";

export const AccountSchema = t.Object(
  {
    ...profileFields,
    email: t.String({ examples: ["pam@example.com"] }),
    email_verified: t.Boolean({ description: "Whether a link that was sent to this address was used." }),
    locale: localeField,
    superuser: t.Boolean(),
    created_at: moment("When the account was created."),
  },
  { title: "Account", description: "The caller's own account." },
);
export type Account = Static<typeof AccountSchema>;

const OwnEventSchema = t.Object(
  {
    id: eventFields.id,
    at: eventFields.at,
    action: eventFields.action,
    actor: eventFields.actor,
    ip: eventFields.ip,
    browser: eventFields.browser,
    details: eventFields.details,
  },
  { title: "AccountEvent" },
);

export const meRoutes = (deps: Deps) =>
  new Elysia({ name: "me", tags: ["My account"], normalize: false })
    .use(requiredCaller())
    .get(
      "/user/me",
      async ({ caller }): Promise<Account> => {
        const me = await findMe(deps.db, caller);
        return {
          ...publicFields(me),
          email: me.email,
          email_verified: me.emailVerified,
          locale: me.locale,
          superuser: me.superuser,
          created_at: me.createdAt.toISOString(),
        };
      },
      {
        response: { 200: AccountSchema, ...problemsOf(401) },
        detail: operation({
          access: "account",
          limit: "read",
          operationId: "getMyAccount",
          summary: "Read my account",
        }),
      },
    )
    .get(
      "/user/me/events",
      async ({ caller, query, set }) => {
        const page = await listOwnEvents(deps.db, caller, query);
        linkNext(set.headers, `${basePath(deps.config)}/user/me/events`, query, page.next);
        return page.items.map((event) => {
          const { id, at, action, actor, ip, browser, details } = eventJson(event);
          return { id, at, action, actor, ip, browser, details };
        });
      },
      {
        query: t.Object(
          { limit: limitOf("Events", { usual: 50, most: 1000 }), after: afterId },
          { additionalProperties: false },
        ),
        response: { 200: t.Array(OwnEventSchema), ...problemsOf(401, 422) },
        detail: operation({
          access: "account",
          limit: "read",
          operationId: "listMyEvents",
          summary: "Read what happened to my account",
          description:
            "Newest first. The address and browser are shown for what the owner or an unknown person did, not for what a " +
            "superuser did.",
          headers: { 200: LINK_HEADER },
        }),
      },
    );
