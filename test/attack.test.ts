import { afterAll, beforeAll, expect, test } from "bun:test";
import { attack } from "./attack/attack.ts";
import { createWorld, type World } from "./attack/world.ts";

/**
 * A fixed seed, so that a failure comes from the last change. `bun run attack` chooses a new one, and `ATTACK_SEED` sets one.
 */
const seed = Number(process.env["ATTACK_SEED"] ?? 20_261_125);
const REQUESTS = 1_500;

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test("R50 R52 R54 R55 R60 generated requests of all senders cause no fault and no change without permission, and are answered as documented", async () => {
  console.log(`attack: ATTACK_SEED=${seed}`);
  const { finding, requests, unreached } = await attack(world, { seed, requests: REQUESTS });
  expect(finding).toBeNull();
  expect(requests).toBe(REQUESTS);
  // If most operations only refused requests, the test would show little.
  expect(unreached.length).toBeLessThan(world.operations.length / 2);
}, 120_000);
