/**
 * What time tells: `bun run bench:timing [--pairs N] [--only reset|login|flood]... [--gap MS]... [--seed N] [--json FILE]`.
 *
 * R2, R41 and R43 of the security lines, measured on a real server from one client. Exits 1 when a verdict fails. `taskset -c 0` before
 * it puts the client, the server and PostgreSQL on one core.
 */
import { parseArgs } from "node:util";
import { openGround } from "./ground.ts";
import { describeMachine } from "./machine.ts";
import { QUICK } from "./plan.ts";
import { table } from "./report.ts";
import { timeFlood } from "./timing/flood.ts";
import { LOGIN_TIMES, timeLogins } from "./timing/login.ts";
import { timeResets } from "./timing/reset.ts";
import type { Said } from "./timing/said.ts";

const { values: options } = parseArgs({
  options: {
    pairs: { type: "string", default: "1000" },
    only: { type: "string", multiple: true },
    gap: { type: "string", multiple: true, default: ["0", "4", "8", "12", "25", "50"] },
    seed: { type: "string" },
    json: { type: "string" },
  },
});

async function main(): Promise<number> {
  const seed = options.seed === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(options.seed);
  const [pairs, gaps] = [Number(options.pairs), options.gap.map(Number)];
  const all = ["reset", "login", "flood"];
  const chosen = options.only ?? all;
  if (
    seed === undefined ||
    !(pairs >= 20) ||
    !gaps.every((gap) => gap >= 0) ||
    !chosen.every((name) => all.includes(name))
  ) {
    console.error(
      "Usage: bun run bench:timing [--pairs N] [--only reset|login|flood]... [--gap MS]... [--seed N] [--json FILE]",
    );
    return 64;
  }
  const ground = await openGround(QUICK);
  const machine = describeMachine(ground.settings);
  console.log(
    `${machine.join("\n")}\nseed ${seed}; ${pairs} pairs of resets, ${pairs * LOGIN_TIMES} of logins, on one connection; gaps of ${gaps.join(", ")} ms before the next request`,
  );
  const said: Said[] = [];
  try {
    const measure = async (name: string, task: () => Promise<Said[]>): Promise<void> => {
      if (!chosen.includes(name)) return;
      const some = await task();
      said.push(...some);
      for (const { what, measured, passed } of some)
        console.error(`  ${passed ? "pass" : "MISS"} ${what}: ${measured}`);
    };
    await measure("reset", () => timeResets(ground, { pairs, seed, gaps }));
    await measure("login", () => timeLogins(ground, { pairs, seed, gapMs: 0 }));
    await measure("flood", () => timeFlood(ground));
  } finally {
    await ground.close();
  }
  const rows = said.map((one) => [one.what, one.measured, one.target, one.passed ? "pass" : "MISS"]);
  console.log(`\n${table(["timing", "measured", "target", "verdict"], rows)}`);
  if (said.some(({ control, passed }) => control && !passed)) {
    console.log("\nA planted leak was not seen: on a machine this busy, what passed beside it shows nothing.");
  }
  if (options.json)
    await Bun.write(
      options.json,
      `${JSON.stringify({ machine, seed, pairs, loginPairs: pairs * LOGIN_TIMES, gaps, said }, null, 2)}\n`,
    );
  return said.every(({ passed }) => passed) ? 0 : 1;
}

// What runs is ended by the exit handlers of those who started it; the cluster by its janitor.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
process.exit(await main());
