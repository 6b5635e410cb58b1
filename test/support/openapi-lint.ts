/** `bun run check:openapi`: lints the document that the app serves. Needs no database: none is asked. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startApp } from "./unconnected.ts";

const directory = await mkdtemp(join(tmpdir(), "dundie-openapi-"));
try {
  const path = join(directory, "openapi.json");
  const app = await startApp();
  const response = await app.handle(new Request("http://localhost/openapi.json"));
  await Bun.write(path, await response.text());
  const config = join(import.meta.dirname, "../../redocly.yaml");
  const lint = Bun.spawn(["bun", "x", "redocly", "lint", path, "--config", config], {
    stdout: "inherit",
    stderr: "inherit",
    env: { ...process.env, REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", REDOCLY_TELEMETRY: "off" },
  });
  process.exitCode = await lint.exited;
} finally {
  await rm(directory, { recursive: true });
}
process.exit();
