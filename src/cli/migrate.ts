import { connectEmbedded } from "../db/embedded.ts";
import { prepareDatabase } from "../db/prepare.ts";
import { logToStandardError } from "../log.ts";
import { defineCommand } from "./command.ts";
import { loadConfig } from "./connected.ts";

export const migrateCommand = defineCommand({
  name: "migrate",
  synopsis: "",
  summary: "Bring the database to this version's schema.",
  read: () => async (env) => {
    logToStandardError();
    const config = await loadConfig(env);
    const url = config.databaseUrl ?? (await connectEmbedded(config.dataDir));
    await prepareDatabase(url, { schema: config.databaseSchema, migrate: true });
    return 0;
  },
});
