/** The win rates of a run's iterations as a table for the terminal. @module */
import { counted } from "../core/counted.ts";
import type { WrittenIteration } from "../core/evaluate/win_rates_file.ts";
import type { ComparedIterations } from "../core/evaluate/compare_iterations.ts";
import type { ServerCounts } from "../core/label/server_questions.ts";
import { safeLine } from "../core/safe_text.ts";
import { fixed, percent } from "../core/values.ts";
import { judgeLines } from "./judge_text.ts";
import { formatTable } from "./text_table.ts";
import { wrapText } from "./wrap_text.ts";

/** The whole text; a table that is wider than `columns` becomes a list. */
export function formatWinRates(
  { rates: { a, b, iterations }, kept, asked, path }: ComparedIterations,
  { columns = Infinity }: { columns?: number } = {},
): string {
  const rows = [...new Set(iterations.map(({ rows }) => rows))];
  const judges = [...new Set(iterations.map(({ judge }) => judge))].join(", ");
  const head = [
    `A  ${a}`,
    `B  ${b}`,
    `${rows.length === 1 ? counted(rows[0]!, "prompt") : `${rows.join(", ")} prompts`}, judge ${judges}`,
  ];
  const lines = iterations.flatMap((one) =>
    [...judgeLines(one), ...noteLines(one)].map((line) => `Iteration ${one.iteration}: ${line}`)
  );
  return [
    ...head.map(safeLine),
    "",
    ratesTable(iterations, columns),
    ...lines,
    ...costLines(iterations, asked),
    ...keptLines(kept),
    `Win rates: ${safeLine(path)}`,
  ].flatMap((line, i) => i < head.length + 2 ? [line] : wrapText(line, columns, { indent: 2 })).join("\n");
}

function ratesTable(iterations: readonly WrittenIteration[], columns: number): string {
  return formatTable(
    ["", "B wins", "ties", "A wins", "win rate of B", "95 %", "p", "at equal lengths", "tokens A", "tokens B"],
    iterations.map((
      { iteration, wins, ties, losses, win_rate: rate, win_rate_stderr: stderr, win_rate_interval: interval, ...one },
    ) => [
      `iteration ${iteration}`,
      wins,
      ties,
      losses,
      rate === null ? "–" : `${percent(rate)} %${stderr === null ? "" : ` ± ${percent(stderr)}`}`,
      interval === null ? "–" : interval.map(percent).join("–"),
      one.p_value < 1e-4 ? one.p_value.toExponential(1) : one.p_value.toFixed(4),
      typeof one.length_controlled?.rate === "number" ? `${percent(one.length_controlled.rate)} %` : "–",
      one.a.mean_tokens.toFixed(1),
      one.b.mean_tokens.toFixed(1),
    ]),
    { columns },
  );
}

/** Why there is no fit at equal lengths, of which the table has the rate alone. */
function noteLines({ length_controlled: fit }: WrittenIteration): string[] {
  return typeof fit?.note === "string" ? [`No fit at equal lengths: ${fit.note}`] : [];
}

/** What a judging server was asked for all iterations, and what that cost; and how much of it `now`, where not all was. */
function costLines(iterations: readonly WrittenIteration[], now: ServerCounts | null): string[] {
  const sum = (name: string): number | null => {
    const values = iterations.flatMap(({ metrics }) => metrics[`labels/${name}`] ?? []);
    return values.length === 0 ? null : values.reduce((x, y) => x + y, 0);
  };
  const [requests, prompt, completion, cost] = [
    sum("requests"),
    sum("prompt_tokens"),
    sum("completion_tokens"),
    sum("cost"),
  ];
  if (requests === null) return [];
  const text = (counts: ServerCounts): string =>
    `${counted(counts.requests, "request")}, ${counted(counts.prompt, "token")} asked, ${
      counted(counts.completion, "token")
    } answered${counts.cost === null ? "" : `, cost ${fixed(counts.cost, 4)}`}`;
  const all = text({ requests, prompt: prompt ?? 0, completion: completion ?? 0, cost });
  if (now?.requests === requests) return [`Judge: ${all}`];
  return [`Judge: ${all}; of that now: ${now === null || now.requests === 0 ? "nothing" : text(now)}`];
}

function keptLines(kept: readonly number[]): string[] {
  return kept.length === 0 ? [] : [`Compared before: iteration ${kept.join(", ")}`];
}
