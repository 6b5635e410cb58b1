import { Elysia, t } from "elysia";
import { AUDIT_ACTIONS } from "../accounts/audit.ts";
import { listAudit, type AuditRecord } from "../accounts/audit-log.ts";
import type { Deps } from "../accounts/deps.ts";
import { superuserOnly } from "./access-tokens.ts";
import { instantOf } from "./instants.ts";
import { afterId, limitOf, linkNext } from "./paging.ts";
import { bearer, moment, nullable, ProblemSchema, usernameFilter } from "./schemas.ts";

export const eventFields = {
  id: t.String({ format: "uuid" }),
  at: moment("When."),
  action: t.String({ examples: ["password_changed"] }),
  actor: nullable(t.String({ description: "Who did it: a username. null: nobody logged in, or deleted since." })),
  actor_id: nullable(t.String({ format: "uuid" })),
  subject: nullable(t.String({ description: "Whose account it was done to: a username." })),
  subject_id: nullable(t.String({ format: "uuid" })),
  ip: nullable(t.String()),
  browser: nullable(t.String()),
  request_id: nullable(t.String()),
  details: nullable(t.Record(t.String(), t.String())),
};

export const auditRoutes = (deps: Deps) =>
  new Elysia({ name: "audit", tags: ["Audit"], normalize: false }).use(superuserOnly(deps)).get(
    "/audit/",
    async ({ query, set }) => {
      const page = await listAudit(deps.db, {
        ...query,
        since: instantOf(query.since, "since"),
        until: instantOf(query.until, "until"),
      });
      linkNext(set.headers, "/audit/", query, page.next);
      return page.items.map(eventJson);
    },
    {
      query: t.Object(
        {
          action: t.Optional(t.UnionEnum([...AUDIT_ACTIONS], { default: undefined })),
          subject: usernameFilter("Whose account it was done to."),
          actor: usernameFilter("Who did it."),
          since: t.Optional(moment("At or after.")),
          until: t.Optional(moment("At or before.")),
          limit: limitOf("Events", { usual: 50, most: 1000 }),
          after: afterId,
        },
        { additionalProperties: false },
      ),
      response: { 200: t.Array(t.Object(eventFields)), 401: ProblemSchema, 403: ProblemSchema, 422: ProblemSchema },
      detail: {
        summary: "Read the audit",
        description: 'Newest first; `Link: rel="next"` leads on. Nothing in it is ever changed or removed.',
        security: bearer,
      },
    },
  );

export const eventJson = (event: AuditRecord) => ({
  id: event.id,
  at: event.at.toISOString(),
  action: event.action,
  actor: event.actor,
  actor_id: event.actorId,
  subject: event.subject,
  subject_id: event.subjectId,
  ip: event.ip,
  browser: event.browser,
  request_id: event.requestId,
  details: event.details,
});
