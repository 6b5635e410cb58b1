import { Elysia, t } from "elysia";
import { listOwnEvents } from "../accounts/audit-log.ts";
import type { Deps } from "../accounts/deps.ts";
import { findMe, publicFields } from "../accounts/users.ts";
import { callerOnly } from "./access-tokens.ts";
import { eventFields, eventJson } from "./audit.ts";
import { afterId, limitOf, linkNext } from "./paging.ts";
import { bearer, moment, ProblemSchema, PublicUserSchema } from "./schemas.ts";
import { userFields } from "./users.ts";

const MeSchema = t.Object(
  {
    ...PublicUserSchema.properties,
    email: t.String({ examples: ["mscott@dm.com"] }),
    email_verified: t.Boolean({ description: "Somebody used a link that went there." }),
    locale: userFields.locale,
    superuser: t.Boolean(),
    created_at: moment("When the account was made."),
  },
  { description: "What its owner may see of an account." },
);

export const meRoutes = (deps: Deps) =>
  new Elysia({ name: "me", tags: ["My account"], normalize: false })
    .use(callerOnly(deps))
    .get(
      "/user/me",
      async ({ caller }) => {
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
        response: { 200: MeSchema, 401: ProblemSchema },
        detail: { summary: "Read my account", security: bearer },
      },
    )
    .get(
      "/user/me/events",
      async ({ caller, query, set }) => {
        const page = await listOwnEvents(deps.db, caller, query);
        linkNext(set.headers, "/user/me/events", query, page.next);
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
        response: {
          200: t.Array(
            t.Object({
              id: eventFields.id,
              at: eventFields.at,
              action: eventFields.action,
              actor: eventFields.actor,
              ip: eventFields.ip,
              browser: eventFields.browser,
              details: eventFields.details,
            }),
          ),
          401: ProblemSchema,
          422: ProblemSchema,
        },
        detail: {
          summary: "Read what happened to my account",
          description:
            'Newest first; `Link: rel="next"` leads on. From where is told of my own acts and of strangers\'.',
          security: bearer,
        },
      },
    );
