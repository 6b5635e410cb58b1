/** What an operator does to all messages that match a filter. */
import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { applyToMatching } from "../accounts/mail-operations.ts";
import { countMatching } from "../mail/operations/bulk.ts";
import { requiredCaller } from "./admission.ts";
import { filterFields, filterOf } from "./message-filter.ts";
import { operation } from "./operation.ts";
import { requestContext } from "./request-context.ts";
import { problemsOf } from "./schemas.ts";

const MatchingSchema = t.Object(
  {
    retry: t.Integer({ description: "Failed and cancelled messages that have not been retried yet." }),
    cancel: t.Integer({ description: "Queued messages." }),
  },
  { title: "MatchingMessages" },
);

/** The filter must not be empty, so that a request that lost its filter does not reach every message. */
const BulkFilter = t.Object(filterFields, {
  title: "MessageFilter",
  additionalProperties: false,
  minProperties: 1,
});
const BulkResult = t.Object(
  {
    done: t.Integer({ description: "How many messages this request retried or cancelled." }),
    remaining: t.Integer({ description: "How many messages are left. While there are any, send the request again." }),
  },
  { title: "BulkResult" },
);

export const bulkRoutes = (deps: Deps) =>
  new Elysia({ name: "bulk", tags: ["Outbox"], normalize: false })
    .use(requestContext(deps.config))
    .use(requiredCaller())
    .get(
      "/message/matching",
      async ({ query }) => {
        const filter = filterOf(query);
        const [retry, cancel] = await Promise.all([
          countMatching(deps.db, filter, "retry"),
          countMatching(deps.db, filter, "cancel"),
        ]);
        return { retry, cancel };
      },
      {
        query: t.Object(filterFields, { additionalProperties: false }),
        response: { 200: MatchingSchema, ...problemsOf(401, 403, 422) },
        detail: operation({
          access: "superuser",
          limit: "none",
          operationId: "getMatchingCounts",
          summary: "Count the messages that a filter would retry or cancel",
        }),
      },
    )
    .post(
      "/message/retry/",
      ({ body, caller, context }) => applyToMatching(deps, { caller, context }, filterOf(body), "retry"),
      {
        body: BulkFilter,
        response: { 200: BulkResult, ...problemsOf(401, 403, 422) },
        detail: operation({
          access: "superuser",
          limit: "none",
          body: "json",
          operationId: "retryMessages",
          summary: "Send all failed messages that match again",
          description: "Oldest first. A message that has been retried is not retried again.",
        }),
      },
    )
    .post(
      "/message/cancel/",
      ({ body, caller, context }) => applyToMatching(deps, { caller, context }, filterOf(body), "cancel"),
      {
        body: BulkFilter,
        response: { 200: BulkResult, ...problemsOf(401, 403, 422) },
        detail: operation({
          access: "superuser",
          limit: "none",
          body: "json",
          operationId: "cancelMessages",
          summary: "Cancel all queued messages that match",
          description: "Messages that are being sent are not cancelled.",
        }),
      },
    );
