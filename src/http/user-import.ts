/** Accounts from a CSV file, in parts of a size that one request can do. */
import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { IMPORT_REASONS } from "../accounts/import-problems.ts";
import { importText, MAX_IMPORT_BYTES, PART_ROWS } from "../accounts/import-text.ts";
import { requiredCaller } from "./admission.ts";
import { operation } from "./operation.ts";
import { requestContext } from "./request-context.ts";
import { nullable, problemsOf } from "./schemas.ts";
import { ownPassword } from "./user-schemas.ts";

const line = t.Integer({ description: "The line of the file, from 1." });

const ImportReportSchema = t.Object(
  {
    lines: t.Integer({ description: "Lines of the file." }),
    ignored_columns: t.Array(t.String(), { description: "Columns of the file that are ignored." }),
    created: t.Integer(),
    skipped: t.Integer({ description: "Rows whose address already has an account, or is in the file twice." }),
    problems: t.Array(
      t.Object({
        line,
        reason: t.UnionEnum([...IMPORT_REASONS], { description: "What clients branch on." }),
        problem: t.String({ description: "The reason in a sentence, in English." }),
      }),
      { description: "Rows that are refused, and why." },
    ),
    rows: t.Array(
      t.Object({
        line,
        email: t.String(),
        username: nullable(t.String({ description: "Of the new account; null for a row that is skipped." })),
        superuser: t.Boolean(),
      }),
      { description: "Rows that are not refused." },
    ),
    next_line: nullable(
      t.Integer({ description: "Where the next part begins: send it as `from_line`. null when all rows are done." }),
    ),
  },
  { title: "ImportReport" },
);

export const userImportRoutes = (deps: Deps) =>
  new Elysia({ name: "user-import", tags: ["Accounts"], normalize: false })
    .use(requestContext(deps.config))
    .use(requiredCaller())
    .post(
      "/user/import/",
      async ({ body, caller, context }) => {
        const { csv, invite = true, dry_run: dryRun = false, from_line: fromLine = 1 } = body;
        const report = await importText(
          deps,
          { csv, fromLine, currentPassword: body.current_password },
          { invite, dryRun, context, caller },
        );
        return {
          lines: report.lines,
          ignored_columns: [...report.ignoredColumns],
          created: report.created,
          skipped: report.skipped,
          problems: report.problems,
          rows: report.rows ?? [],
          next_line: report.nextLine,
        };
      },
      {
        body: t.Object(
          {
            csv: t.String({
              description:
                "The file: the columns name, email and dept, and optionally username, locale and password_hash, " +
                "separated by commas, semicolons or tabs.",
              examples: ["name,email,dept\nKevin Malone,kevin@example.com,accounting\n"],
            }),
            invite: t.Optional(
              t.Boolean({ description: "Invite each new account without a password by email.", default: true }),
            ),
            dry_run: t.Optional(
              t.Boolean({
                description: "Report what would happen to the whole file, and change nothing.",
                default: false,
              }),
            ),
            from_line: t.Optional(t.Integer({ minimum: 1, maximum: 10_000_000, default: 1 })),
            current_password: t.Optional(ownPassword),
          },
          { title: "UserImport", additionalProperties: false },
        ),
        response: { 200: ImportReportSchema, ...problemsOf(401, 403, 422, 429, 503) },
        detail: operation({
          access: "superuser",
          limit: "administer",
          body: "json",
          maxBodyBytes: MAX_IMPORT_BYTES,
          operationId: "createUsers",
          summary: "Create accounts from a CSV file",
          description:
            `Up to ${PART_ROWS} rows in one request: while \`next_line\` is a number, send the same file again with it as ` +
            "`from_line`. Invalid rows are skipped and reported by line number. Rows whose address has an account are " +
            "skipped, so that an import that was interrupted can be repeated. A file that makes superusers needs a login " +
            "within the last 5 minutes or your own `current_password`.",
        }),
      },
    );
