/** Colours that stay readable with every brand colour (WCAG 2.2, contrast ratio). Colours are `#rrggbb`. */

/** Black or white, whichever contrasts more with the background: at least 4.5:1. */
export const inkOn = (background: string): string =>
  contrast("#ffffff", background) >= contrast("#000000", background) ? "#ffffff" : "#000000";

/** The colour itself where it contrasts with the background by the ratio, else the nearest of its shades that does. */
export function shadeOn(background: string, color: string, ratio: number): string {
  const goal = channelsOf(inkOn(background));
  const from = channelsOf(color);
  for (let part = 0; part < 1; part += 0.02) {
    const shade = hexOf(from.map((channel, i) => channel + (goal[i]! - channel) * part));
    if (contrast(shade, background) >= ratio) return shade;
  }
  return hexOf(goal);
}

/** 1 to 21. */
export function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = channelsOf(color).map((channel) =>
    channel <= 0.040_45 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const channelsOf = (color: string): number[] =>
  [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255);

const hexOf = (channels: readonly number[]): string =>
  `#${channels
    .map((channel) =>
      Math.round(channel * 255)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
