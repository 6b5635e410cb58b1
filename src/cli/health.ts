/** `dundie health`: the health check of a container, whose image has no other program. */
import { isIPv6 } from "node:net";
import { readListenConfig } from "../config.ts";
import { defineCommand, oneLine, write } from "./command.ts";

/** Half of a usual interval between health checks. The server decides within 5 s whether the database takes writes. */
const TIMEOUT_MS = 8_000;

export const healthCommand = defineCommand({
  name: "health",
  synopsis: "",
  summary: "Ask the API on this machine whether it is ready. The exit code is 0 when it is.",
  details: "It reads HOST and PORT alone, and asks GET /health/ready.",
  read: () => async (env) => {
    const { host, port } = readListenConfig(env);
    const url = `http://${reachable(host)}:${port}/health/ready`;
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      write(1, `${oneLine(await answer.text())}\n`);
      return answer.ok ? 0 : 1;
    } catch (error) {
      write(2, `${url} does not answer: ${error instanceof Error ? error.message : String(error)}\n`);
      return 1;
    }
  },
});

/** A server that listens on all addresses is asked on loopback. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return isIPv6(host) ? `[${host}]` : host;
}
