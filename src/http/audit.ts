import { Elysia, t } from "elysia";
import { AUDIT_ACTIONS } from "../accounts/audit.ts";
import { listAudit, type AuditRecord } from "../accounts/audit-log.ts";
import type { Deps } from "../accounts/deps.ts";
import { instantOf } from "./instants.ts";
import { operation } from "./operation.ts";
import { afterId, limitOf, LINK_HEADER, linkNext } from "./paging.ts";
import { basePath } from "./path.ts";
import { moment, nullable, problemsOf, usernameFilter } from "./schemas.ts";

export const eventFields = {
  id: t.String({ format: "uuid" }),
  at: moment("When it happened."),
  action: t.String({ examples: ["password_changed"] }),
  actor: nullable(
    t.String({
      description:
        "The username of the account that did it. null without a login, or when that account has been deleted.",
    }),
  ),
  actor_id: nullable(t.String({ format: "uuid" })),
  subject: nullable(t.String({ description: "The username of the account it was done to." })),
  subject_id: nullable(t.String({ format: "uuid" })),
  ip: nullable(t.String()),
  browser: nullable(t.String()),
  request_id: nullable(t.String()),
  details: nullable(t.Record(t.String(), t.String())),
};

const AuditEventSchema = t.Object(eventFields, { title: "AuditEvent" });

export const auditRoutes = (deps: Deps) =>
  new Elysia({ name: "audit", tags: ["Audit"], normalize: false }).get(
    "/audit/",
    async ({ query, set }) => {
      const page = await listAudit(deps.db, {
        ...query,
        mail: query.about === "mail",
        since: instantOf(query.since, "since"),
        until: instantOf(query.until, "until"),
      });
      linkNext(set.headers, `${basePath(deps.config)}/audit/`, query, page.next);
      return page.items.map(eventJson);
    },
    {
      query: t.Object(
        {
          action: t.Optional(t.UnionEnum([...AUDIT_ACTIONS], { default: undefined })),
          about: t.Optional(
            t.UnionEnum(["mail"], {
              default: undefined,
              description: "Only what operators did to messages and to sending.",
            }),
          ),
          subject: usernameFilter("The account it was done to."),
          actor: usernameFilter("The account that did it."),
          since: t.Optional(moment("At or after.")),
          until: t.Optional(moment("At or before.")),
          limit: limitOf("Events", { usual: 50, most: 1000 }),
          after: afterId,
        },
        { additionalProperties: false },
      ),
      response: { 200: t.Array(AuditEventSchema), ...problemsOf(401, 403, 422) },
      detail: operation({
        access: "superuser",
        limit: "none",
        operationId: "listAuditEvents",
        summary: "Read the audit log",
        description:
          "Newest first. Entries are kept for `AUDIT_RETENTION`; those of a deleted account have no IP address and no browser.",
        headers: { 200: LINK_HEADER },
      }),
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
