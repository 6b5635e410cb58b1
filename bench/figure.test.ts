import { describe, expect, test } from "bun:test";
import { judge, runRounds } from "./figure.ts";

const samples = new Map([
  ["ours", [{ "req/s": 80 }, { "req/s": 10 }, { "req/s": 90 }]],
  ["theirs", [{ "req/s": 10 }, { "req/s": 2 }, { "req/s": 10 }]],
  ["absent", []],
]);
const check = { what: "a ratio", ours: ["ours", "req/s"], theirs: ["theirs", "req/s"], atLeast: 8 } as const;

describe("the bench's verdicts", () => {
  test("a ratio is the median of the rounds' ratios, so that a slow round slows both sides", () => {
    expect(judge(check, samples)).toMatchObject({ value: 8, ours: 80, theirs: 10, target: "≥ 8 ×", verdict: "pass" });
    expect(judge({ ...check, atLeast: 8.1 }, samples).verdict).toBe("miss");
    const { atLeast: _, ...rest } = check;
    expect(judge({ ...rest, atMost: 7 }, samples)).toMatchObject({ target: "≤ 7 ×", verdict: "miss" });
  });

  test("a peer that is not there skips the check, and a figure that is only reported fails no run", () => {
    expect(judge({ ...check, theirs: ["absent", "req/s"] }, samples).verdict).toBe("skipped");
    expect(judge({ ...check, atLeast: 99, onlySaid: "two cores" }, samples)).toMatchObject({
      verdict: "said",
      why: "two cores",
    });
  });

  test("rounds are interleaved, each begun by another condition", async () => {
    const order: string[] = [];
    const condition = (name: string) => ({
      name,
      run: (round: number) => Promise.resolve({ round: order.push(name) - order.length + round }),
    });
    await runRounds([condition("a"), condition("b")], 3, () => {});
    expect(order.join("")).toBe("abbaab");
  });
});
