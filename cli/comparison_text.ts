/** A comparison of two models as a table and a picture for the terminal. @module */
import { counted } from "../core/counted.ts";
import { styleText } from "node:util";
import type { Comparison, SideSummary } from "../core/evaluate/comparison_summary.ts";
import { comparisonJson } from "../core/evaluate/comparison_json.ts";
import { wilson } from "../core/evaluate/win_rate.ts";
import { safeLine } from "../core/safe_text.ts";
import { percent } from "../core/values.ts";
import { judgeLines } from "./judge_text.ts";
import { formatTable } from "./text_table.ts";
import { wrapText } from "./wrap_text.ts";

/** Columns of a bar or an axis, and of what stands beside either. */
const WIDTH = 50;
const LEAST_WIDTH = 10;
const BESIDE = 14;

/** The whole text for a terminal, in colours if `colored`; lines that are wider than `columns` are broken between words. */
export function formatComparison(
  comparison: Comparison,
  { colored = false, columns = Infinity }: { colored?: boolean; columns?: number } = {},
): string {
  const folded = (line: string): string[] => wrapText(line, columns, { indent: 2 });
  const { a, b, judge, result } = comparison;
  const { wins, ties, losses, rate, stderr, interval, pValue } = result;
  const rows = wins + ties + losses;
  const lines = [`A  ${a.model}`, `B  ${b.model}`, `${counted(rows, "prompt")}, judge ${judge}`].map(safeLine)
    .concat("");
  lines.push(sidesTable(comparison, columns));
  lines.push(...judgeLines(comparisonJson(comparison)).flatMap(folded));
  if (rate === null || interval === null) return lines.join("\n");
  const share = (count: number): string => `${percent(count / rows)} %`;
  const width = Math.max(LEAST_WIDTH, Math.min(WIDTH, columns - BESIDE));
  lines.push(
    "",
    `B wins ${bar({ wins, ties, losses }, { width, colored })} A wins`,
    spread([`${share(wins)}`, `ties ${share(ties)}`, `${share(losses)}`], width + BESIDE),
    "",
    ...folded(
      `B's win rate, ties as halves: ${percent(rate)} %${
        stderr === null ? "" : ` ± ${percent(stderr)}`
      } (Wilson's 95 % interval ${percent(interval.low)} to ${percent(interval.high)})`,
    ),
    `  0 % ${axis({ rate, ...interval }, width)} 100 %`,
    verdict({ wins, losses, pValue }),
    ...lengthLines(comparison).flatMap(folded),
  );
  return lines.join("\n");
}

function sidesTable({ a, b, result }: Comparison, columns: number): string {
  const { wins, ties, losses } = result;
  const rows = wins + ties + losses;
  const share = (count: number): string => {
    if (rows === 0) return "–";
    const { low, high } = wilson(count / rows, rows);
    return `${percent(count / rows)} % (${percent(low)}–${percent(high)})`;
  };
  const line = (name: string, value: (side: SideSummary) => string): string[] => [name, value(a), value(b)];
  return formatTable(["", "A", "B"], [
    ["wins", String(losses), String(wins)],
    ["share (95 %)", share(losses), share(wins)],
    line("mean score", ({ score }) => score === null ? "–" : significant(score)),
    line("mean tokens", ({ tokens }) => tokens.toFixed(1)),
    line("mean characters", ({ characters }) => characters.toFixed(1)),
    line("cut answers", ({ truncated }) => String(truncated)),
  ], { columns });
}

/** A bar of blocks with the shares of wins, ties and losses. */
function bar(
  { wins, ties, losses }: { wins: number; ties: number; losses: number },
  { width, colored }: { width: number; colored: boolean },
): string {
  const rows = wins + ties + losses;
  const first = Math.round(width * wins / rows);
  const last = Math.min(width - first, Math.round(width * losses / rows));
  const paint = (color: "green" | "yellow" | "red", text: string): string =>
    colored ? styleText(color, text, { validateStream: false }) : text;
  return paint("green", "█".repeat(first)) + paint("yellow", "▒".repeat(width - first - last)) +
    paint("red", "░".repeat(last));
}

/** An axis from 0 to 100 % with the interval, the rate, and a mark at 50 %. */
function axis({ rate, low, high }: { rate: number; low: number; high: number }, width: number): string {
  const at = (share: number): number => Math.round(share * width);
  return Array.from({ length: width + 1 }, (_, i) => {
    if (i === at(rate)) return "●";
    if (i >= at(low) && i <= at(high)) return "━";
    return i === at(0.5) ? "┼" : i === 0 ? "├" : i === width ? "┤" : "─";
  }).join("");
}

function verdict({ wins, losses, pValue }: { wins: number; losses: number; pValue: number }): string {
  const p = pValue < 1e-4 ? pValue.toExponential(1) : pValue.toFixed(4);
  if (pValue >= 0.05) return `No difference beyond chance (sign test, p = ${p})`;
  return `${wins > losses ? "B" : "A"} is better (sign test, p = ${p})`;
}

/** The win rate at equal lengths; nothing where it is the plain one, because all answers are equally long. */
function lengthLines({ lengthControlled }: Comparison): string[] {
  if (lengthControlled === null) return [];
  const { rate, stderr, interval, effect, note } = lengthControlled;
  if (note !== null) {
    const what = rate === null ? "No win rate at equal lengths" : `B's win rate at equal lengths: ${percent(rate)} %`;
    return [`${what}: ${note}`];
  }
  if (effect === 0 || rate === null || stderr === null || interval === null) return [];
  return [
    `B's win rate at equal lengths: ${percent(rate)} % ± ${percent(stderr)} (95 % interval ${
      percent(interval.low)
    } to ${percent(interval.high)})`,
  ];
}

/** A line with texts at the left, in the middle and at the right. */
function spread([left, middle, right]: [string, string, string], width: number): string {
  const before = Math.max(1, Math.floor((width - middle.length) / 2) - left.length);
  const line = `${left}${" ".repeat(before)}${middle}`;
  return `${line}${" ".repeat(Math.max(1, width - line.length - right.length))}${right}`;
}

function significant(value: number): string {
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}
