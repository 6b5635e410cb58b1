/** `dundie serve` with a courier that follows each hint at once, so that the next request meets its work. */
import { readConfig } from "../../src/config.ts";
import { log } from "../../src/log.ts";
import { serve } from "../../src/main.ts";

const courierModule = new URL("./courier-at-once.worker.ts", import.meta.url);
const { url, stop } = await serve(readConfig(process.env, null), { courierModule });
process.on("SIGTERM", () => void stop().then(() => process.exit(0)));
log.info({ event: "listening", url });
