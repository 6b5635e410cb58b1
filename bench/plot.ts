/** Line plots as SVG, in plain text: no more than the results need. Pure. */

export interface Plot {
  /** Also the file's name. */
  readonly name: string;
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

interface Axis {
  readonly label: string;
  /** Where the range is many powers of ten; values must be positive. @default false */
  readonly log?: boolean;
}

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 720;
const HEIGHT = 420;
const MARGIN = { left: 70, right: 20, top: 40, bottom: 50 };
const COLOURS = ["#1f5eff", "#d9480f", "#2b8a3e", "#862e9c", "#5f6b7a"];
const TICKS = 5;

export function svgOf({ title, x, y, series }: Plot): string {
  const points = series.flatMap((one) => one.points);
  const xs = scale(
    points.map((point) => point[0]),
    x.log ?? false,
    [MARGIN.left, WIDTH - MARGIN.right],
  );
  const ys = scale(
    points.map((point) => point[1]),
    y.log ?? false,
    [HEIGHT - MARGIN.bottom, MARGIN.top],
  );
  const bottom = HEIGHT - MARGIN.bottom;
  const parts = [
    text(WIDTH / 2, 22, title, "middle", 15),
    text(WIDTH / 2, HEIGHT - 10, x.label, "middle"),
    `<g transform="rotate(-90 16 ${HEIGHT / 2})">${text(16, HEIGHT / 2, y.label, "middle")}</g>`,
    `<path d="M${MARGIN.left} ${MARGIN.top}V${bottom}H${WIDTH - MARGIN.right}" fill="none" stroke="#888"/>`,
    ...xs.ticks.map((tick) => text(xs.place(tick), bottom + 18, short(tick), "middle")),
    ...ys.ticks.flatMap((tick) => [
      text(MARGIN.left - 8, ys.place(tick) + 4, short(tick), "end"),
      `<path d="M${MARGIN.left} ${round(ys.place(tick))}H${WIDTH - MARGIN.right}" stroke="#ddd"/>`,
    ]),
    ...series.flatMap((one, index) => {
      const colour = COLOURS[index % COLOURS.length] ?? "#000";
      const line = one.points.map(([px, py]) => `${round(xs.place(px))},${round(ys.place(py))}`).join(" ");
      const top = MARGIN.top + 12 + index * 18;
      return [
        `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        `<path d="M${MARGIN.left + 14} ${top - 4}h22" stroke="${colour}" stroke-width="3"/>`,
        text(MARGIN.left + 42, top, one.name, "start"),
      ];
    }),
  ];
  const size = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${parts.join("\n")}
</svg>
`;
}

interface Scale {
  readonly ticks: readonly number[];
  place(value: number): number;
}

/** From the data's range to pixels; a linear one starts at 0, so that nothing looks larger than it is. */
function scale(values: readonly number[], log: boolean, [from, to]: readonly [number, number]): Scale {
  const turn = (value: number): number => (log ? Math.log10(value) : value);
  const shown = log ? values.filter((value) => value > 0) : values;
  const low = log ? Math.floor(turn(Math.min(...shown))) : Math.min(0, ...shown);
  const high = Math.max(log ? Math.ceil(turn(Math.max(...shown))) : Math.max(...shown), low + (log ? 1 : 1e-9));
  const ticks = log
    ? Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index))
    : Array.from({ length: TICKS + 1 }, (_, index) => low + ((high - low) * index) / TICKS);
  return { ticks, place: (value) => from + ((Math.max(low, turn(value)) - low) / (high - low)) * (to - from) };
}

const text = (x: number, y: number, words: string, anchor: string, size = 12): string =>
  `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-size="${size}">${Bun.escapeHTML(words)}</text>`;

const round = (value: number): string => value.toFixed(1);

const short = (value: number): string =>
  Math.abs(value) >= 1_000_000
    ? `${Number((value / 1_000_000).toPrecision(3))}M`
    : Math.abs(value) >= 1_000
      ? `${Number((value / 1_000).toPrecision(3))}k`
      : String(Number(value.toPrecision(3)));
