/** `dundie doctor`: one verdict a line, and an exit code for scripts. */
import { normaliseAddress } from "../addresses.ts";
import type { Config, Environment } from "../config.ts";
import { connectEmbedded } from "../db/embedded.ts";
import { examine } from "../doctor/doctor.ts";
import { fault, type Finding } from "../doctor/finding.ts";
import { createNames } from "../doctor/names.ts";
import { sendTestEmail } from "../doctor/smtp.ts";
import { ConfigError } from "../errors.ts";
import { logToStandardError } from "../log.ts";
import { columns, defineCommand, oneLine, print, UsageError } from "./command.ts";
import { loadConfig } from "./connected.ts";

export const doctorCommand = defineCommand({
  name: "doctor",
  synopsis: "[--send-to ADDRESS] [--dkim-selector NAME] [--json]",
  summary: "Check configuration, database, clock, SMTP and the sender's domain.",
  details: `
  --send-to ADDRESS     also send a test email, and follow it to the SMTP server's reply
  --dkim-selector NAME  the selector of the key that the SMTP server signs with
  --json                the verdicts, as JSON

The exit code is 1 when there is a fault.`,
  options: {
    "send-to": { type: "string" },
    "dkim-selector": { type: "string" },
    json: { type: "boolean", default: false },
  },
  read({ "send-to": sendTo, "dkim-selector": dkimSelector = null, json }) {
    const to = sendTo === undefined ? null : normaliseAddress(sendTo);
    if (sendTo !== undefined && to === null) throw new UsageError(`'${sendTo}' is not an email address.`);
    if (dkimSelector !== null && !/^[\w-]+(\.[\w-]+)*$/.test(dkimSelector))
      throw new UsageError(`'${dkimSelector}' is not a DKIM selector.`);
    return async (env) => {
      logToStandardError();
      const findings = await findingsOf(env, dkimSelector, to);
      print(json ? JSON.stringify(findings, null, 2) : tableOf(findings));
      return findings.some(({ verdict }) => verdict === "fault") ? 1 : 0;
    };
  },
});

async function findingsOf(env: Environment, dkimSelector: string | null, to: string | null): Promise<Finding[]> {
  let config: Config;
  let databaseUrl: string;
  try {
    config = await loadConfig(env);
    databaseUrl = config.databaseUrl ?? (await connectEmbedded(config.dataDir));
  } catch (error) {
    // Without a whole configuration nothing else can be looked at.
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => fault("configuration", problem, "see docs/configuration.md"));
  }
  const findings = await examine({ config, databaseUrl, names: createNames(), dkimSelector });
  return to === null ? findings : [...findings, await sendTestEmail(config, to)];
}

const tableOf = (findings: readonly Finding[]): string =>
  columns(
    findings.map(({ subject, verdict, text, advice }) => [
      verdict,
      subject,
      oneLine(advice === null ? text : `${text}; ${advice}`),
    ]),
  );
