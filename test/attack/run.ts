/** `bun run attack [--seed N] [--requests N] [--path P]`. */
import { parseArgs } from "node:util";
import { attack } from "./attack.ts";
import { createWorld } from "./world.ts";

const { values } = parseArgs({
  options: { seed: { type: "string" }, requests: { type: "string", default: "20000" }, path: { type: "string" } },
});
const seed = Number(values.seed ?? crypto.getRandomValues(new Int32Array(1))[0]);
const requests = Number(values.requests);
if (!Number.isInteger(seed) || !Number.isInteger(requests) || requests < 1)
  throw new Error("--seed and --requests take whole numbers");
console.log(`attack: seed ${seed}, ${requests} requests; passwords are hashed by a cheaper argon2id`);

await using world = await createWorld();
const started = performance.now();
const { tally, unreached, finding, requests: sent } = await attack(world, { seed, requests, path: values.path });
for (const [operation, counts] of [...tally].toSorted(([a], [b]) => a.localeCompare(b))) {
  const told = [...counts].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status} × ${count}`);
  console.log(`${operation.padEnd(32)} ${told.join("  ")}`);
}
console.log(`${sent} requests in ${Math.round((performance.now() - started) / 1_000)} s, seed ${seed}`);
if (unreached.length > 0) console.log(`Never let through: ${unreached.join(" ")}`);
console.log(finding ?? "No rule was broken.");
process.exit(finding === null ? 0 : 1);
