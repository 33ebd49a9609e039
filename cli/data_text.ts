/** What a run will see of its data, for the terminal. @module */
import { counted } from "../core/counted.ts";
import type { DataPreview, PreviewedSet, PreviewKind } from "../core/plan/data_preview.ts";
import type { LengthBin, LengthSummary } from "../core/plan/row_lengths.ts";
import { safeLine } from "../core/safe_text.ts";
import { formatCount } from "./format_units.ts";
import { formatTable } from "./text_table.ts";
import { describeRow, legend } from "./token_text.ts";

const KINDS: Readonly<Record<PreviewKind, string>> = {
  answers: "the answers are trained on",
  pairs: "chosen and rejected are trained on",
  prompts: "the model answers the prompts; its answer and the human one are a pair",
};

/** Places that are named of rows that are left out for one reason. */
const NAMED = 3;

/** The widest bar of the histogram. */
const BAR = 40;

/** The whole text; in colours, or with marks in their place. */
export function describeData(
  preview: DataPreview,
  { isStyled, columns }: { isStyled: boolean; columns: number },
): string {
  const { model, kind, train, eval: held, lengths, histogram, samples, maxLength } = preview;
  const overlong = maxLength > preview.positions ? `, more than the model's ${formatCount(preview.positions)}` : "";
  return [
    safeLine(`Model       ${model}`),
    `Use         ${KINDS[kind]}`,
    `max_length  ${formatCount(maxLength)} tokens of prompt and answer together${overlong}`,
    "",
    ...describeSet("Rows", train, maxLength),
    ...(held === null ? [] : ["", ...describeSet("Held-out rows", held, maxLength)]),
    ...(samples.length === 0 ? [] : ["", legend(isStyled)]),
    ...samples.flatMap((row) => ["", ...describeRow(row, { isStyled })]),
    "",
    "Tokens, before anything is cut",
    lengthTable(lengths, columns),
    "",
    kind === "pairs" ? "Rows by tokens of prompt and longer answer" : "Rows by tokens of prompt and answer",
    ...histogramLines(histogram),
    "",
    "What data.max_length costs",
    costTable(preview, columns),
  ].join("\n");
}

function describeSet(title: string, set: PreviewedSet, maxLength: number): string[] {
  const { name, rows, kept, shapes, malformed, dropped, cut, merged } = set;
  const reasons = Map.groupBy(dropped, ({ reason }) => reason.replace(/, [\d,]+ tokens,/, ""));
  const places = (left: readonly { where: string }[]): string =>
    `${left.slice(0, NAMED).map(({ where }) => where).join("; ")}${left.length > NAMED ? "; …" : ""}`;
  return [
    `${title}: ${name}`,
    `  read      ${formatCount(rows + malformed.length)}`,
    ...shapes.map(({ owner, columns, rows }) => `            ${formatCount(rows)} of ${owner} shape (${columns})`),
    ...(malformed.length === 0 ? [] : [
      `  malformed ${formatCount(malformed.length)}, left out`,
      ...malformed.slice(0, NAMED).map(({ where, reason }) => `            ${where}: ${reason}`),
    ]),
    ...[...reasons].map(([reason, left]) => `  dropped   ${formatCount(left.length)}: ${reason} (${places(left)})`),
    ...(cut === 0 ? [] : [`  cut       ${counted(cut, "answer")} at max_length ${formatCount(maxLength)}`]),
    ...(merged === 0 ? [] : [`  merged    ${counted(merged, "row")} where a token reaches from prompt into answer`]),
    `  used      ${formatCount(kept)}`,
  ].map(safeLine);
}

function lengthTable(lengths: DataPreview["lengths"], columns: number): string {
  const line = (name: string, { mean, p50, p90, p95, p99, max }: LengthSummary): string[] => [
    name,
    mean.toFixed(1),
    ...[p50, p90, p95, p99, max].map(formatCount),
  ];
  return formatTable(
    ["", "mean", "50 %", "90 %", "95 %", "99 %", "longest"],
    [
      line("prompt", lengths.prompt),
      line("answer", lengths.answer),
      line("prompt and answer", lengths.row),
    ],
    { columns },
  );
}

function histogramLines(bins: readonly LengthBin[]): string[] {
  const most = Math.max(...bins.map(({ rows }) => rows));
  const names = bins.map(({ from, to }) => `${formatCount(from)}–${formatCount(to - 1)}`);
  const width = Math.max(...names.map((name) => name.length));
  return bins.map(({ rows }, i) =>
    // A bin with rows has a bar, however small.
    `  ${names[i]!.padStart(width)} ${"█".repeat(rows === 0 ? 0 : Math.max(1, Math.round(BAR * rows / most)))} ${
      formatCount(rows)
    }`
  );
}

function costTable({ costs, maxLength, positions }: DataPreview, columns: number): string {
  const note = (limit: number): string =>
    [limit === maxLength ? "as set" : "", limit === positions ? "the model's positions" : ""]
      .filter((text) => text !== "").join(", ");
  return formatTable(
    ["max_length", "rows dropped", "rows cut", "answer tokens kept", ""],
    costs.map(({ maxLength: limit, dropped, cutRows, keptShare }) => [
      formatCount(limit),
      formatCount(dropped),
      formatCount(cutRows),
      // Rounded down: 100 % is nothing cut.
      `${(Math.floor(1000 * keptShare) / 10).toFixed(1)} %`,
      note(limit),
    ]),
    { text: [4], columns },
  );
}
