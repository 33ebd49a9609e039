/** Line charts as SVG text. @module */
// @ts-types="./d3_scale.d.ts"
import { type LinearScale, scaleLinear } from "d3-scale";
// @ts-types="./d3_shape.d.ts"
import { line } from "d3-shape";
import { largest } from "../values.ts";
import { number, whole } from "./format_numbers.ts";
import { escapeMarkup } from "./markup.ts";

/** x and y. */
export type Point = readonly [number, number];

/** x, and the ends of an interval of y. */
export type Span = readonly [x: number, low: number, high: number];

/** A line of a chart. */
export interface Series {
  /** Its name in the legend. */
  name: string;
  /** Pieces of the line, which are not joined. */
  segments: readonly (readonly Point[])[];
  /** How sure the values are, piece by piece; a chart with dots shows bars, another one a band. */
  spans?: readonly (readonly Span[])[];
  /** Its place among the lines of several charts, which gives colour and dash; default: that in its chart. */
  place?: number;
}

/** A place on the x axis with a name. */
export interface Mark {
  /** Its place on the axis. */
  x: number;
  /** The text at that place. */
  label: string;
  /** What stands there where the text has no room; default: nothing. */
  short?: string;
}

/** A value of y that means something. */
export interface Level {
  y: number;
  /** Its name at the end of the line; empty for none. */
  label: string;
}

/** What a chart shows. */
export interface Chart {
  /** The text above the chart. */
  title: string;
  /** Name of the x axis. */
  xLabel: string;
  /** Name of the y axis, with its unit. */
  yLabel: string;
  /** The lines, at most eight; each has a colour and a dash of its own. */
  series: readonly Series[];
  /** Ticks of the x axis; default: round numbers. */
  xTicks?: readonly Mark[];
  /** Places where something begins, each with a vertical line. */
  boundaries?: readonly Mark[];
  /** Values of y to compare with, each with a line. */
  levels?: readonly Level[];
  /** The least that the y axis covers, so that what is next to nothing does not fill the chart. */
  least?: number;
  /** Whether y is a share, from 0 to 1, written in percent. */
  share?: boolean;
  /** Whether every point has a dot, and the last one its value. */
  dots?: boolean;
}

/** Width and height in pixels. */
export interface Size {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
}

/** Okabe and Ito's colours, for colour-blind readers; blue is lighter, so that all stand out on black too. */
const COLOURS = ["#1b87c4", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#7d6bd0"] as const;
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "", "6 3", "2 3", "8 3 2 3"] as const;
/** Grey that is readable on white and on black; a page may set `color` on the svg to do better. */
const INK = "#767b84";
const FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";
const TEXT = 11;
/** The least that an axis of shares covers: ten points of a hundred. */
const LEAST_SHARE = 0.1;
/** Upper estimate of a character's mean width in pixels, since text cannot be measured here. */
const CHARACTER = 6.2;

/** A whole SVG file of `size`; `label` says what it shows. */
export function svg(content: string, { width, height, label }: Size & { label: string }): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="${escapeMarkup(label)}" color="${INK}" font-family="${FONT}" font-size="${TEXT}">` +
    `${content}</svg>`;
}

/** A chart as an SVG group of `size`, its upper left corner at the origin, with its title unless the page has it. */
export function drawChart(chart: Chart, size: Size, { titled = true }: { titled?: boolean } = {}): string {
  const { title, xLabel, yLabel, series, boundaries = [], levels = [], dots = false } = chart;
  const y = yScale(chart);
  const format = y.tickFormat(5, chart.share ? "%" : undefined);
  const yTicks = y.ticks(5).map((value) => ({ value, label: format(value).replace("%", " %") }));
  const legend = placeLegend(chart, size.width - 8);
  const above = titled ? 22 : 4;
  const ends = [
    ...(dots ? series.flatMap((one) => endOf(one, chart)) : []),
    ...levels.filter(({ label }) => label !== ""),
  ];
  const frame = {
    left: 14 + CHARACTER * Math.max(...yTicks.map(({ label }) => label.length)),
    right: size.width - 12 - CHARACTER * Math.max(0, ...ends.map(({ label }) => label.length)),
    top: above + legend.height + 24 + (boundaries.length > 0 ? 16 : 0),
    bottom: size.height - 38,
  };
  y.range([frame.bottom, frame.top]);
  const x = xScale(chart).range([frame.left + (dots ? 8 : 0), frame.right - (dots ? 8 : 0)]);
  return [
    "<g>",
    titled ? text(title, { x: 4, y: 15, attributes: `font-size="14" font-weight="600"` }) : "",
    drawLegend(legend.entries, above),
    text(yLabel, { x: 4, y: above + legend.height + 12, attributes: `fill-opacity="0.8"` }),
    ...yTicks.map(({ value, label }) =>
      rule([frame.left, y(value)], [frame.right, y(value)], { opacity: 0.18 }) +
      text(label, { x: frame.left - 6, y: y(value) + 4, anchor: "end" })
    ),
    ...xTicks(chart, x).map((tick) =>
      rule([x(tick.x), frame.bottom], [x(tick.x), frame.bottom + 4], { opacity: 0.8 }) +
      text(tick.label, { x: x(tick.x), y: frame.bottom + 16, anchor: "middle" })
    ),
    rule([frame.left, frame.bottom], [frame.right, frame.bottom], { opacity: 0.8 }),
    ...drawBoundaries(boundaries, { x, top: frame.top, bottom: frame.bottom, end: frame.right }),
    ...series.map((one, i) => drawSpans(one, { x, y, colour: styleOf(one.place ?? i).colour, dots })),
    ...levels.map(({ y: at }) => rule([frame.left, y(at)], [frame.right, y(at)], { opacity: 0.9, dash: "1 3" })),
    text(xLabel, { x: (frame.left + frame.right) / 2, y: size.height - 6, anchor: "middle" }),
    ...series.map((one, i) => drawSeries(one, { x, y, style: styleOf(one.place ?? i), dots })),
    ...apart(ends.map((end) => ({ ...end, at: y(end.y) }))).map((end) =>
      text(end.label, {
        x: frame.right + 4,
        y: end.at + 4,
        attributes: "isValue" in end ? `font-weight="600"` : `fill-opacity="0.85"`,
      })
    ),
    "</g>",
  ].join("");
}

/** The chart in a sentence, for who cannot see it. */
export function describeChart(chart: Chart): string {
  const value = (y: number): string => number(y, chart.share ?? false);
  const lines = chart.series.map(({ name, segments }) => {
    const all = segments.flat();
    const [first, last] = [all[0], all.at(-1)];
    if (first === undefined) return `${name}: no values`;
    const [low, high] = [-largest(all, ([, y]) => -y), largest(all, ([, y]) => y)];
    return all.length === 1
      ? `${name}: ${value(first[1])}`
      : `${name}: from ${value(first[1])} to ${value(last![1])}, lowest ${value(low)}, highest ${value(high)}`;
  });
  return `${chart.title}, by ${chart.xLabel}. ${lines.join("; ")}.`;
}

/** The value at a line's end, if the line goes as far as the axis. */
function endOf({ segments }: Series, chart: Chart): (Level & { isValue: true })[] {
  const last = segments.flat().at(-1);
  const { share = false } = chart;
  return last === undefined || last[0] < xScale(chart).domain()[1]
    ? []
    : [{ y: last[1], label: number(last[1], share), isValue: true }];
}

/** Labels moved so far apart that none covers another. */
function apart<T extends { at: number }>(labels: readonly T[]): T[] {
  let free = -Infinity;
  return [...labels].sort((a, b) => a.at - b.at).map((label) => {
    const at = Math.max(label.at, free);
    free = at + 13;
    return { ...label, at };
  });
}

function points({ series }: Chart): Point[] {
  return series.flatMap(({ segments }) => segments.flat());
}

function yScale(chart: Chart): LinearScale {
  const spans = chart.series.flatMap(({ spans = [] }) => spans.flat().flatMap(([, low, high]) => [low, high]));
  const levels = chart.levels?.map(({ y }) => y) ?? [];
  const values = [...points(chart).map(([, y]) => y), ...spans, ...levels];
  const [low, high] = extent(values, chart.share ? LEAST_SHARE / 2 : 0.5);
  const middle = (low + high) / 2;
  if (!chart.share) {
    const half = (chart.least ?? 0) / 2;
    return scaleLinear().domain([Math.min(low, middle - half), Math.max(high, middle + half)]).nice(5);
  }
  const domain: [number, number] = [
    Math.max(0, Math.min(low, middle - LEAST_SHARE / 2)),
    Math.min(1, Math.max(high, middle + LEAST_SHARE / 2)),
  ];
  return scaleLinear().domain(domain).nice(5);
}

function xScale(chart: Chart): LinearScale {
  const ticks = chart.xTicks?.map(({ x }) => x) ?? [];
  const starts = chart.boundaries?.map(({ x }) => x) ?? [];
  return scaleLinear().domain(extent([...ticks, ...starts, ...points(chart).map(([x]) => x)]));
}

/** Smallest and largest value; where all are equal, `half` less and more than that; from 0 to 1 of none. */
function extent(values: readonly number[], half = 0.5): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  return low < high ? [low, high] : [low - half, high + half];
}

function xTicks({ xTicks: given }: Chart, x: LinearScale): Mark[] {
  if (given !== undefined) {
    const [low, high] = x.range();
    const widest = CHARACTER * Math.max(...given.map(({ label }) => label.length)) + 6;
    const every = Math.max(1, Math.ceil(given.length * widest / Math.max(1, high - low)));
    return given.filter((_, i) => i % every === 0);
  }
  const values = x.ticks(6).filter(Number.isInteger);
  return values.map((value) => ({ x: value, label: whole(value) }));
}

function drawBoundaries(
  boundaries: readonly Mark[],
  { x, top, bottom, end }: { x: LinearScale; top: number; bottom: number; end: number },
): string[] {
  return boundaries.map(({ x: at, label, short }, i) => {
    const next = boundaries[i + 1];
    const room = (next === undefined ? end : x(next.x)) - x(at);
    const fitting = [label, short].find((text) => text !== undefined && text.length * CHARACTER + 4 <= room);
    return rule([x(at), top - 14], [x(at), bottom], { opacity: 0.6, dash: "3 3" }) +
      (fitting === undefined ? "" : text(fitting, { x: x(at) + 4, y: top - 5 }));
  });
}

/** Bars at dots, or a band around a line. */
function drawSpans(
  { spans = [] }: Series,
  { x, y, colour, dots }: { x: LinearScale; y: LinearScale; colour: string; dots: boolean },
): string {
  const at = (px: number, py: number): string => `${round(x(px))},${round(y(py))}`;
  return spans.filter((span) => span.length > 0).map((span) => {
    if (dots || span.length === 1) {
      const bars = span.map(([px, low, high]) =>
        [low, high].map((end) => `M${round(x(px) - 4)},${round(y(end))}h8`).join("") + `M${at(px, low)}L${at(px, high)}`
      );
      return `<path d="${bars.join("")}" fill="none" stroke="${colour}" stroke-opacity="0.55" stroke-width="1.3"/>`;
    }
    const upper = span.map(([px, , high]) => at(px, high));
    const lower = span.map(([px, low]) => at(px, low)).reverse();
    return `<path d="M${[...upper, ...lower].join("L")}Z" fill="${colour}" fill-opacity="0.15"/>`;
  }).join("");
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

interface LegendEntry {
  name: string;
  style: Style;
  x: number;
  row: number;
}

/** The legend's entries in rows of `width`; none where there is one line, whose name is the title's. */
function placeLegend({ series }: Chart, width: number): { entries: LegendEntry[]; height: number } {
  if (series.length < 2) return { entries: [], height: 0 };
  let [x, row] = [4, 0];
  const entries = series.map(({ name, place }, i): LegendEntry => {
    const needs = 46 + name.length * CHARACTER;
    if (x > 4 && x + needs > width) [x, row] = [4, row + 1];
    const entry = { name, style: styleOf(place ?? i), x, row };
    x += needs;
    return entry;
  });
  return { entries, height: 18 * (row + 1) };
}

function drawLegend(entries: readonly LegendEntry[], top: number): string {
  return entries.map(({ name, style, x, row }) => {
    const y = top + 12 + 18 * row;
    return `<path d="M${round(x)},${y - 4}h24" ${stroke(style)}/>` + text(name, { x: x + 30, y });
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
