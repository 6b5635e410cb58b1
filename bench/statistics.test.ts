import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { svgOf } from "./plot.ts";
import { mannWhitneyZ, median, percentile } from "./statistics.ts";

const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 });

describe("the bench's statistics", () => {
  test("a median is the middle, or between the two middles", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(() => median([])).toThrow(RangeError);
  });

  test("percentiles lie within the sample, and do not fall", () => {
    expect(percentile([0, 10], 99)).toBeCloseTo(9.9);
    fc.assert(
      fc.property(numbers, fc.nat(100), fc.nat(100), (sample, a, b) => {
        const [low, high] = [percentile(sample, Math.min(a, b)), percentile(sample, Math.max(a, b))];
        expect(low).toBeLessThanOrEqual(high + 1e-6);
        expect(low).toBeGreaterThanOrEqual(Math.min(...sample));
        expect(high).toBeLessThanOrEqual(Math.max(...sample));
      }),
    );
  });

  test("Mann-Whitney: as by hand, without ties and with them", () => {
    // U of a is 0 of 9: mean 4.5, variance 9 · 7 / 12.
    expect(mannWhitneyZ([1, 2, 3], [4, 5, 6])).toBeCloseTo(-4.5 / Math.sqrt(63 / 12));
    // U of a: ½ + 1 + ½ = 2; two ties of two: variance (9 / 12)(7 − 12 / 30).
    expect(mannWhitneyZ([1, 2, 3], [2, 3, 4])).toBeCloseTo((2 - 4.5) / Math.sqrt((9 / 12) * (7 - 12 / 30)));
    expect(mannWhitneyZ([5, 5], [5, 5])).toBe(0);
  });

  test("Mann-Whitney turns its sign when its samples change places", () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        expect(mannWhitneyZ(a, b)).toBeCloseTo(-mannWhitneyZ(b, a));
      }),
    );
  });
});

describe("the bench's plots", () => {
  test("a plot has a line a series, and escapes its words", () => {
    const svg = svgOf({
      name: "p",
      title: "a < b",
      x: { label: "x" },
      y: { label: "y", log: true },
      series: [
        {
          name: "one",
          points: [
            [0, 1],
            [10, 1_000],
          ],
        },
        {
          name: "two",
          points: [
            [0, 5],
            [10, 50],
          ],
        },
      ],
    });
    expect(svg.match(/<polyline/g)).toHaveLength(2);
    expect(svg).toContain("a &lt; b");
    expect(svg).not.toContain("NaN");
  });
});
