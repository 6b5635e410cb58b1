import { readDatabaseConfig } from "../config.ts";
import { connectEmbedded } from "../db/embedded.ts";
import { prepareDatabase } from "../db/prepare.ts";
import { logToStandardError } from "../log.ts";
import { defineCommand } from "./command.ts";

export const migrateCommand = defineCommand({
  name: "migrate",
  synopsis: "",
  summary: "Bring the database to this version's schema.",
  details:
    "It reads the variables of the database alone: DATABASE_URL, DATABASE_CA_FILE, DATABASE_SCHEMA and DATA_DIR.",
  read: () => async (env) => {
    logToStandardError();
    const { databaseUrl, databaseSchema, dataDir } = readDatabaseConfig(env);
    const url = databaseUrl ?? (await connectEmbedded(dataDir));
    await prepareDatabase(url, { schema: databaseSchema, migrate: true });
    return 0;
  },
});
