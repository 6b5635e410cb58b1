import { afterAll, beforeAll, expect, test } from "bun:test";
import { attack } from "./attack/attack.ts";
import { createWorld, type World } from "./attack/world.ts";

/**
 * The same every time, so that a run says what the change before it did; `bun run attack` draws a new one,
 * and `ATTACK_SEED` one of one's own.
 */
const seed = Number(process.env["ATTACK_SEED"] ?? 20_261_125);
const REQUESTS = 1_500;

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test("R50 R52 R54 R55 R60 whatever is sent by whomever: no fault, as documented, nothing without permission", async () => {
  console.log(`attack: ATTACK_SEED=${seed}`);
  const { finding, requests, unreached } = await attack(world, { seed, requests: REQUESTS });
  expect(finding).toBeNull();
  expect(requests).toBe(REQUESTS);
  // Were nearly all refused at the door, this would show little.
  expect(unreached.length).toBeLessThan(world.operations.length / 2);
}, 120_000);
