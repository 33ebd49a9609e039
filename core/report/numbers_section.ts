/** The table of all numbers: measures as rows, iterations as columns; and what the rows mean. @module */
import { iterationValues } from "../run/read_run.ts";
import type { RunView } from "../run/run_reader.ts";
import { duration, number, PLUS_MINUS, plusMinus } from "./format_numbers.ts";
import { columnName, standardErrorOf } from "./iteration_curves.ts";
import { escapeMarkup } from "./markup.ts";
import { groupedKeys, type Measure, measureOf } from "./measures.ts";
import { STAGE_NAMES, stagePlan } from "./stage_plan.ts";

/** The section's content; empty if nothing is known. */
export function numbersSection(run: RunView): string {
  const columns = iterationValues(run);
  if (columns.length === 0) return "";
  const shown = groupedKeys(columns.flatMap(({ values }) => Object.keys(values)));
  let hasErrors = false;
  const cell = (key: string, measure: Measure, column: (typeof columns)[number]): string => {
    const value = Object.hasOwn(column.values, key) ? column.values[key]! : undefined;
    if (value === undefined) return `<td class="soft">–</td>`;
    const isShare = measure.kind === "share";
    const error = plusMinus(standardErrorOf(key, column, run.evaluated), isShare);
    hasErrors ||= error !== "";
    return `<td>${number(value, isShare)}${error === "" ? "" : ` <span class="soft">${error.trimStart()}</span>`}</td>`;
  };
  const body = shown.map(({ title, keys }) => {
    const rows = keys.map((key) => {
      const measure = measureOf(key);
      return `<tr><th scope="row">${escapeMarkup(measure.name)}</th>${
        columns.map((column) => cell(key, measure, column)).join("")
      }</tr>`;
    });
    return `<tbody><tr><th class="group" scope="rowgroup" colspan="${columns.length + 1}">${title}</th></tr>\n${
      rows.join("\n")
    }</tbody>`;
  });
  const head = columns.map(({ iteration }) => `<th scope="col">${columnName(iteration)}</th>`).join("");
  const meanings = shown.flatMap(({ keys }) => keys.map(measureOf)).filter(({ text }) => text !== "")
    .map(({ name, text }) => `<dt><strong>${escapeMarkup(name)}</strong></dt><dd>${escapeMarkup(text)}</dd>`);
  return `<div class="scroll" tabindex="0" role="region" aria-label="Numbers by iteration"><table>` +
    `<thead><tr><td></td>${head}</tr></thead>\n${body.join("\n")}\n</table></div>\n` +
    (hasErrors ? `<p class="small soft">${PLUS_MINUS} over prompts, pairs or a benchmark's documents.</p>` : "") +
    `<details id="meanings"><summary>What the rows mean</summary><dl>${meanings.join("")}</dl></details>`;
}

/** A table of the seconds that each stage took, with iterations as columns; empty if none is known. */
export function timeTable(run: RunView): string {
  const { cells } = stagePlan(run);
  if (cells.length === 0) return "";
  const iterations = [...new Set(cells.map(({ iteration }) => iteration))];
  const rows = STAGE_NAMES.filter((stage) => cells.some((cell) => cell.stage === stage)).map((stage) => {
    const own = iterations.map((iteration) => {
      const cell = cells.find((other) => other.iteration === iteration && other.stage === stage);
      if (cell === undefined) return "<td></td>";
      if (cell.seconds !== null) return `<td>${duration(cell.seconds)}</td>`;
      if (cell.share !== null) return `<td class="now">${(100 * cell.share).toFixed(0)} %</td>`;
      return `<td class="soft">${
        cell.left !== null && cell.left > 0 && run.state === "running" ? `about ${duration(cell.left)}` : "–"
      }</td>`;
    });
    return `<tr><th scope="row">${stage}</th>${own.join("")}</tr>`;
  });
  const head = iterations.map((iteration) => `<th scope="col">${columnName(iteration)}</th>`).join("");
  return `<div class="scroll" tabindex="0" role="region" aria-label="Time by stage"><table>` +
    `<thead><tr><td></td>${head}</tr></thead><tbody>\n${rows.join("\n")}\n</tbody></table></div>`;
}
