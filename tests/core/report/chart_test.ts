import { deepEqual, equal, ok } from "node:assert/strict";
import { type Chart, drawChart, svg } from "../../../core/report/chart.ts";

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
  ok(start[0] > 30 && start[0] < 80 && end[0] === SIZE.width - 14, `${start} ${end}`);
  ok(start[1] === SIZE.height - 40 && end[1] === 32, `${start} ${end}`);
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

Deno.test("drawChart() writes shares in percent from 0 to 100", () => {
  const markup = drawChart({ ...CHART, series: [{ name: "a", segments: [[[0, 0.4], [1, 0.6]]] }], share: true }, SIZE);
  ok(markup.includes(">0%</text>") && markup.includes(">100%</text>"));
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
  equal(markup.split(">tick ").length - 1, 10);
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
