/** Line charts as SVG text. @module */
// @ts-types="./d3_scale.d.ts"
import { type LinearScale, scaleLinear } from "d3-scale";
// @ts-types="./d3_shape.d.ts"
import { line } from "d3-shape";
import { escapeMarkup } from "./markup.ts";

/** x and y. */
export type Point = readonly [number, number];

/** A line of a chart. */
export interface Series {
  /** Its name in the legend. */
  name: string;
  /** Pieces of the line, which are not joined. */
  segments: readonly (readonly Point[])[];
}

/** A place on the x axis with a name. */
export interface Mark {
  /** Its place on the axis. */
  x: number;
  /** The text at that place. */
  label: string;
}

/** What a chart shows. */
export interface Chart {
  /** The text above the chart. */
  title: string;
  /** Name of the x axis. */
  xLabel: string;
  /** Name of the y axis. */
  yLabel: string;
  /** The lines, at most four; each has a colour and a dash of its own. */
  series: readonly Series[];
  /** Ticks of the x axis; default: round numbers. */
  xTicks?: readonly Mark[];
  /** Places where something begins, each with a vertical line. */
  boundaries?: readonly Mark[];
  /** Whether y is a share, from 0 to 1, written in percent. */
  share?: boolean;
  /** Whether every point has a dot. */
  dots?: boolean;
}

/** Width and height in pixels. */
export interface Size {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
}

/** Okabe and Ito's colours, for colour-blind readers; blue is lighter, so that all four stand out on black too. */
const COLOURS = ["#1b87c4", "#d55e00", "#009e73", "#cc79a7"] as const;
const DASHES = ["", "6 3", "2 3", "8 3 2 3"] as const;
/** Grey that is readable on white and on black; a page may set `color` on the svg to do better. */
const INK = "#767b84";
const FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";
const TEXT = 11;
/** Upper estimate of a character's mean width in pixels, since text cannot be measured here. */
const CHARACTER = 6.2;

/** A whole SVG file of `size`; `label` says what it shows. */
export function svg(content: string, { width, height, label }: Size & { label: string }): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="${escapeMarkup(label)}" color="${INK}" font-family="${FONT}" font-size="${TEXT}">` +
    `${content}</svg>`;
}

/** A chart as an SVG group of `size`, its upper left corner at the origin. */
export function drawChart(chart: Chart, size: Size): string {
  const { title, xLabel, yLabel, series, boundaries = [] } = chart;
  const y = yScale(chart);
  const format = y.tickFormat(5, chart.share ? "%" : undefined);
  const yTicks = y.ticks(5).map((value) => ({ value, label: format(value) }));
  const legend = series.length > 1;
  const frame = {
    left: 30 + CHARACTER * Math.max(...yTicks.map(({ label }) => label.length)),
    right: size.width - 14,
    top: 32 + (legend ? 18 : 0) + (boundaries.length > 0 ? 14 : 0),
    bottom: size.height - 40,
  };
  y.range([frame.bottom, frame.top]);
  const x = xScale(chart).range([frame.left, frame.right]);
  const middle = (frame.top + frame.bottom) / 2;
  return [
    "<g>",
    text(title, { x: 4, y: 15, attributes: `font-size="14" font-weight="600"` }),
    legend ? drawLegend(chart, { x: frame.left, y: 34 }) : "",
    ...yTicks.map(({ value, label }) =>
      rule([frame.left, y(value)], [frame.right, y(value)], { opacity: 0.22 }) +
      text(label, { x: frame.left - 6, y: y(value) + 4, anchor: "end" })
    ),
    ...xTicks(chart, x).map((tick) =>
      rule([x(tick.x), frame.bottom], [x(tick.x), frame.bottom + 4], { opacity: 0.8 }) +
      text(tick.label, { x: x(tick.x), y: frame.bottom + 16, anchor: "middle" })
    ),
    rule([frame.left, frame.bottom], [frame.right, frame.bottom], { opacity: 0.8 }),
    ...drawBoundaries(boundaries, { x, top: frame.top, bottom: frame.bottom }),
    text(xLabel, { x: (frame.left + frame.right) / 2, y: size.height - 8, anchor: "middle" }),
    text(yLabel, {
      x: 0,
      y: 0,
      anchor: "middle",
      attributes: `transform="translate(13 ${round(middle)}) rotate(-90)"`,
    }),
    ...series.map((one, i) => drawSeries(one, { x, y, style: styleOf(i), dots: chart.dots ?? false })),
    "</g>",
  ].join("");
}

function points({ series }: Chart): Point[] {
  return series.flatMap(({ segments }) => segments.flat());
}

function yScale(chart: Chart): LinearScale {
  const domain: [number, number] = chart.share ? [0, 1] : extent(points(chart).map(([, y]) => y));
  return scaleLinear().domain(domain).nice(5);
}

function xScale(chart: Chart): LinearScale {
  const ticks = chart.xTicks?.map(({ x }) => x) ?? [];
  const starts = chart.boundaries?.map(({ x }) => x) ?? [];
  return scaleLinear().domain(extent([...ticks, ...starts, ...points(chart).map(([x]) => x)]));
}

/** Smallest and largest value; they differ even if all values are equal, or there are none. */
function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

function xTicks({ xTicks: given }: Chart, x: LinearScale): Mark[] {
  if (given !== undefined) {
    const every = Math.ceil(given.length / 12);
    return given.filter((_, i) => i % every === 0);
  }
  const values = x.ticks(6).filter(Number.isInteger);
  const format = x.tickFormat(6);
  return values.map((value) => ({ x: value, label: format(value) }));
}

function drawBoundaries(
  boundaries: readonly Mark[],
  { x, top, bottom }: { x: LinearScale; top: number; bottom: number },
): string[] {
  const [, end] = x.domain();
  return boundaries.map(({ x: at, label }, i) => {
    const room = x(boundaries[i + 1]?.x ?? end) - x(at);
    const fits = label.length * CHARACTER + 4 <= room;
    return rule([x(at), top - 14], [x(at), bottom], { opacity: 0.6, dash: "3 3" }) +
      (fits ? text(label, { x: x(at) + 4, y: top - 5 }) : "");
  });
}

interface Style {
  colour: string;
  dash: string;
}

function styleOf(index: number): Style {
  return { colour: COLOURS[index % COLOURS.length]!, dash: DASHES[index % DASHES.length]! };
}

function stroke({ colour, dash }: Style): string {
  return `fill="none" stroke="${colour}" stroke-width="1.8" stroke-linejoin="round"` +
    (dash === "" ? "" : ` stroke-dasharray="${dash}"`);
}

function drawSeries(
  { segments }: Series,
  { x, y, style, dots }: { x: LinearScale; y: LinearScale; style: Style; dots: boolean },
): string {
  const path = line<Point>().x(([value]) => round(x(value))).y(([, value]) => round(y(value)));
  const lines = segments.filter((segment) => segment.length > 1).map((segment) =>
    `<path d="${path(segment)}" ${stroke(style)}/>`
  );
  // A line needs two points; one alone is a dot.
  const marked = segments.flatMap((segment) => dots || segment.length === 1 ? segment : []);
  const circles = marked.map(([px, py]) =>
    `<circle cx="${round(x(px))}" cy="${round(y(py))}" r="3.2" fill="${style.colour}"/>`
  );
  return [...lines, ...circles].join("");
}

function drawLegend({ series }: Chart, { x, y }: { x: number; y: number }): string {
  let at = x;
  return series.map(({ name }, i) => {
    const entry = `<path d="M${round(at)},${y - 4}h24" ${stroke(styleOf(i))}/>` + text(name, { x: at + 30, y });
    at += 48 + name.length * CHARACTER;
    return entry;
  }).join("");
}

function text(
  content: string,
  { x, y, anchor = "start", attributes = "" }: { x: number; y: number; anchor?: string; attributes?: string },
): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="currentColor" ${attributes}>` +
    `${escapeMarkup(content)}</text>`;
}

function rule([x1, y1]: Point, [x2, y2]: Point, { opacity, dash }: { opacity: number; dash?: string }): string {
  return `<path d="M${round(x1)},${round(y1)}L${round(x2)},${
    round(y2)
  }" stroke="currentColor" stroke-opacity="${opacity}"` +
    (dash === undefined ? "/>" : ` stroke-dasharray="${dash}"/>`);
}

/** Rounds to tenths of a pixel. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}
