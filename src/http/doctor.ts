/** `GET /doctor/`: the verdicts of `dundie doctor` about this process, for the page. */
import { Elysia, t } from "elysia";
import { type Finding, VERDICTS } from "../doctor/finding.ts";
import { operation } from "./operation.ts";

const FindingSchema = t.Object(
  {
    subject: t.String({ description: "What was looked at, such as `database` or `SPF`." }),
    verdict: t.UnionEnum([...VERDICTS]),
    text: t.String(),
    advice: t.Union([t.String(), t.Null()], { description: "What to do." }),
  },
  { title: "Finding" },
);

export const doctorRoutes = (examine: () => Promise<Finding[]>) =>
  new Elysia({ name: "doctor", tags: ["Operations"] }).get("/doctor/", async () => await examine(), {
    response: t.Array(FindingSchema),
    detail: operation({
      access: "superuser",
      limit: "none",
      operationId: "checkSetup",
      summary: "Check everything that dundie needs",
      description:
        "Checks the configuration, the database, the clock, the SMTP server and the sender's domain. It changes nothing and may take 40 s. `dundie doctor` does the same at the command line.",
    }),
  });
