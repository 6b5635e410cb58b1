/** A process that owns an embedded cluster until it is killed: `bun embedded-owner.ts <data directory>`. */
import { startEmbedded } from "../../src/db/embedded.ts";

// What serve does with Ctrl-C is not what is tested here.
process.on("SIGINT", () => undefined);

const { url, pid } = await startEmbedded(process.argv[2] ?? "");
process.stdout.write(`${JSON.stringify({ url, pid })}\n`);
setInterval(() => undefined, 60_000);
