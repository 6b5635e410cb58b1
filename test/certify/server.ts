/** `dundie serve` with a courier thread that a file can break: see `faulty.worker.ts`. */
import { readConfig } from "../../src/config.ts";
import { log } from "../../src/log.ts";
import { serve } from "../../src/main.ts";

const running = await serve(readConfig(process.env, null), {
  courierModule: new URL("./faulty.worker.ts", import.meta.url),
});
process.on("SIGTERM", () => void running.stop().then(() => process.exit(0)));
log.info({ event: "listening", url: running.url });
