import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { exportAccount } from "../accounts/export.ts";
import { requiredCaller } from "./admission.ts";
import { operation } from "./operation.ts";
import { requestIdOf } from "./request-id.ts";
import { problemsOf, UsernameParams } from "./schemas.ts";

const records = (description: string) => t.Array(t.Record(t.String(), t.Unknown()), { description });

const ExportSchema = t.Object(
  {
    exported_at: t.String({ format: "date-time" }),
    account: t.Record(t.String(), t.Unknown(), { description: "The account itself; no hash of the password." }),
    sessions: records("Logins, with address and browser."),
    links: records("Links that were emailed; no tokens."),
    messages: records("Emails with their attempts; bodies are not stored."),
    events: records("The audit log of the account. What another account did is without its address and browser."),
    suppressions: records("Whether an operator has excluded the address from email."),
  },
  { title: "AccountExport", description: "All that is held about an account." },
);

const DESCRIPTION = "All that is held about the account, as one JSON document. docs/privacy.md describes it.";

export const exportRoutes = (deps: Deps) =>
  new Elysia({ name: "export", tags: ["My account"], normalize: false })
    .use(requiredCaller())
    .get("/user/me/export", async ({ caller, request }) => await exported(deps, caller.username, request), {
      response: { 200: ExportSchema, ...problemsOf(401) },
      detail: operation({
        access: "account",
        limit: "export",
        operationId: "exportMyAccount",
        summary: "Export my account",
        description: DESCRIPTION,
      }),
    })
    .get("/user/:username/export/", async ({ params, request }) => await exported(deps, params.username, request), {
      params: UsernameParams,
      response: { 200: ExportSchema, ...problemsOf(401, 403, 404, 422) },
      detail: operation({
        access: "superuser",
        limit: "export",
        operationId: "exportUser",
        summary: "Export an account",
        description: DESCRIPTION,
      }),
    });

/** @throws {NotFound} */
async function exported(deps: Deps, username: string, request: Request): Promise<never> {
  const pieces = await exportAccount(deps, username);
  const onFailure = (err: unknown): void => {
    deps.log.error({ event: "export_failed", requestId: requestIdOf(request), err }, "an export ended early");
  };
  return new Response(streamOf(pieces, onFailure), {
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      "content-disposition": `attachment; filename="${username.toLowerCase()}.json"`,
    },
  }) as never;
}

/** Reads as fast as the client takes it, so that a long export is never in memory as a whole. */
function streamOf(pieces: AsyncGenerator<string>, onFailure: (error: unknown) => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      } catch (error) {
        onFailure(error);
        // Closes the connection. Bun writes this error to standard error: the query's own would show its parameters.
        controller.error(new Error("The export ended early."));
      }
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}
