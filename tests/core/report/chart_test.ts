import { deepEqual, equal, ok } from "node:assert/strict";
import { type Chart, describeChart, drawChart, svg } from "../../../core/report/chart.ts";

const SIZE = { width: 400, height: 240 };
const CHART: Chart = { title: "t", xLabel: "x", yLabel: "y", series: [{ name: "a", segments: [[[0, 0], [10, 1]]] }] };

/** The coordinates of the coloured paths. */
function curves(markup: string): number[][][] {
  return [...markup.matchAll(/<path d="([^"]*)" fill="none"/g)].map(([, d]) =>
    d!.slice(1).split(/[ML]/).map((pair) => pair.split(",").map(Number))
  );
}

Deno.test("drawChart() scales a line into the frame, upwards", () => {
  const [[start, end]] = curves(drawChart(CHART, SIZE)) as [[[number, number], [number, number]]];
  ok(start[0] > 20 && start[0] < 80 && end[0] === SIZE.width - 12, `${start} ${end}`);
  ok(start[1] === SIZE.height - 38 && end[1] === 46, `${start} ${end}`);
});

Deno.test("drawChart() does not join segments, and draws a lone point as a dot", () => {
  const segments = [[[0, 0], [1, 1]], [[2, 0], [3, 1]], [[4, 0.5]]] as const;
  const markup = drawChart({ ...CHART, series: [{ name: "a", segments }] }, SIZE);
  deepEqual(curves(markup).map(({ length }) => length), [2, 2]);
  equal(markup.split("<circle").length - 1, 1);
});

Deno.test("drawChart() gives each of several series a colour, a dash and a place in the legend", () => {
  const series = ["one", "two", "three", "four"].map((name) => ({ ...CHART.series[0]!, name }));
  const markup = drawChart({ ...CHART, series }, SIZE);
  const strokes = [...markup.matchAll(/fill="none" stroke="([^"]*)"[^>]*?(stroke-dasharray="[^"]*")?\/>/g)];
  equal(new Set(strokes.map(([, colour]) => colour)).size, 4);
  equal(new Set(strokes.map(([, , dash]) => dash)).size, 4);
  for (const { name } of series) ok(markup.includes(`>${name}</text>`), name);
  ok(!drawChart(CHART, SIZE).includes(">a</text>"));
});

Deno.test("drawChart() writes shares in percent, over ten points at least and never beyond 0 and 100", () => {
  const of = (...ys: number[]) =>
    drawChart({ ...CHART, series: [{ name: "a", segments: [ys.map((y, x) => [x, y] as const)] }], share: true }, SIZE);
  ok(of(0, 1).includes(">0 %</text>") && of(0, 1).includes(">100 %</text>"));
  const near = of(0.5, 0.501);
  ok(near.includes(">44 %</text>") && near.includes(">56 %</text>"), near);
  const same = of(0.5, 0.5);
  ok(same.includes(">44 %</text>") && !same.includes(">40 %</text>"), same);
  ok(!/>1[0-9]{2}(?<!100) %|>−/.test(of(0.99, 1)), of(0.99, 1));
});

Deno.test("drawChart() draws bars at dots, a band around a line, and levels with their names", () => {
  const series = [{ ...CHART.series[0]!, spans: [[[0, -1, 1], [10, 0, 2]]] as const }];
  const band = drawChart({ ...CHART, series, levels: [{ y: 0.5, label: "half" }] }, SIZE);
  equal(band.match(/fill-opacity="0.15"/g)?.length, 1);
  ok(band.includes(">half</text>"));
  const bars = drawChart({ ...CHART, series, dots: true }, SIZE);
  equal(/<path d="(M[^Z"]*)" fill="none" stroke="[^"]*" stroke-opacity/.exec(bars)![1]!.match(/h8/g)!.length, 4);
  // The axis has room for the ends of the intervals.
  ok(bars.includes(">2.0</text>") && bars.includes(">−1.0</text>"), bars);
});

Deno.test("drawChart() writes the value at the end of a line with dots, apart from the others', and only there", () => {
  const lineTo = (...points: [number, number][]) => ({ name: "n", segments: [points] });
  const series = [lineTo([0, 1], [2, 5]), lineTo([0, 1], [2, 5.01]), lineTo([0, 1], [1, 4.25])];
  const markup = drawChart({ ...CHART, series, dots: true }, SIZE);
  const at = [...markup.matchAll(/y="([\d.]+)"[^>]*font-weight="600">(5(?:\.010)?|4\.250)</g)].map((
    [, y, label],
  ) => [label, Number(y)]);
  deepEqual(at.map(([label]) => label), ["5.010", "5"]);
  ok(Number(at[1]![1]) - Number(at[0]![1]) >= 13, `${at}`);
});

Deno.test("drawChart() puts the legend into as many rows as it needs", () => {
  const series = Array.from({ length: 6 }, (_, i) => ({ name: `a long name ${i}`, segments: [[[0, i]] as const] }));
  const rows = (width: number) =>
    new Set(
      [...drawChart({ ...CHART, series }, { width, height: 300 }).matchAll(/y="([\d.]+)"[^>]*>a long/g)].map(([, y]) =>
        y
      ),
    ).size;
  ok(rows(900) === 1 && rows(340) === 3, `${rows(900)} ${rows(340)}`);
});

Deno.test("describeChart() tells each line's ends and extremes", () => {
  const series = [{ name: "a", segments: [[[0, 0.5], [1, 0.25]], [[2, 0.75]]] as const }, {
    name: "b",
    segments: [[[0, 1]]] as const,
  }];
  equal(
    describeChart({ ...CHART, series, share: true }),
    "t, by x. a: from 50.0 % to 75.0 %, lowest 25.0 %, highest 75.0 %; b: 100.0 %.",
  );
});

Deno.test("drawChart() stays finite where all values are one value, or there are none", () => {
  for (const segments of [[[[3, 2], [3, 2]]], [[[1, 0]]], []] as const) {
    const markup = drawChart({ ...CHART, series: [{ name: "a", segments }] }, SIZE);
    ok(!/NaN|Infinity|undefined/.test(markup), markup);
  }
});

Deno.test("drawChart() leaves out a boundary's name where it has no room, and ticks where there are many", () => {
  const boundaries = Array.from({ length: 40 }, (_, i) => ({ x: i, label: `iteration ${i}` }));
  const xTicks = boundaries.map(({ x }) => ({ x, label: `tick ${x}` }));
  const series = [{ name: "a", segments: [[[0, 0], [200, 1]] as const] }];
  const markup = drawChart({ ...CHART, series, boundaries, xTicks }, SIZE);
  ok(!markup.includes(">iteration 3</text>") && markup.includes(">iteration 39</text>"));
  ok(markup.split(">tick ").length - 1 < 10);
});

Deno.test("svg() and drawChart() escape every text", () => {
  const evil = `<script>"&'`;
  const chart = {
    ...CHART,
    title: evil,
    xLabel: evil,
    yLabel: evil,
    series: [CHART.series[0]!, { name: evil, segments: [] }],
  };
  const boundaries = [{ x: 0, label: evil }];
  const xTicks = [{ x: 0, label: evil }];
  const markup = svg(drawChart({ ...chart, boundaries, xTicks }, SIZE), { ...SIZE, label: evil });
  ok(!markup.includes("<script"));
  equal(markup.split("&lt;script&gt;&quot;&amp;&#39;").length - 1, 7);
});
