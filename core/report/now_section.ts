/** Where a run is, what is left of the whole, and what it noted. @module */
import { formatSize } from "../progress.ts";
import type { LogLine } from "../run/run_journal.ts";
import type { RunView } from "../run/run_reader.ts";
import { duration, moment, number, whole } from "./format_numbers.ts";
import { escapeMarkup } from "./markup.ts";
import { latestSection } from "./samples_section.ts";
import { stagePlan } from "./stage_plan.ts";

/** What is going on; empty of a run that is not at work. */
export function nowSection(run: RunView): string {
  if (run.state !== "running") return "";
  const { progress } = run;
  const { left, isLeast, share } = stagePlan(run);
  const percent = Math.floor(100 * share);
  // A stage that runs alone is timed and logged under an iteration, but goes through none.
  const isOfIteration = run.config.stage === undefined && (progress?.iteration ?? -1) >= 0;
  const where = progress === null
    ? "It has not told how far it is."
    : `${isOfIteration ? `Iteration ${progress.iteration}, ` : ""}${escapeMarkup(progress.stage)}: ${
      amount(progress.done, progress.unit)
    } of ${amount(progress.total, progress.unit)}${
      progress.unit === undefined ? progress.stage === "optimize" ? " steps" : " rows" : ""
    }`;
  const facts: (readonly [string, string])[] = [
    [
      "Left of the whole",
      left === null || (left === 0 && isLeast)
        ? "not known yet"
        : `${isLeast ? "at least" : "about"} ${duration(left)}`,
    ],
    ["Tokens per second", progress?.tokens_per_second === undefined ? "" : whole(progress.tokens_per_second)],
    ["Loss", progress?.loss === undefined ? "" : number(progress.loss, false)],
    ["Device memory", progress?.device_bytes === undefined ? "" : formatSize(progress.device_bytes)],
    ["As of", progress === null ? moment(run.written) : `${escapeMarkup(progress.at.slice(11, 19))} UTC`],
  ];
  return `<h2>Now</h2><p class="lead">${where}</p>` +
    `<progress max="100" value="${percent}" aria-label="The whole run">${percent} %</progress>` +
    `<p class="small soft">${percent} % of the whole run</p>` +
    `<dl class="facts">${
      facts.filter(([, value]) => value !== "").map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`)
        .join("")
    }</dl>` + latestSection(run);
}

function amount(value: number, unit: string | undefined): string {
  return unit === "bytes" ? formatSize(value) : whole(value);
}

/** The log's lines, the oldest first; empty if there are none. */
export function logSection({ log }: Pick<RunView, "log">): string {
  if (log.length === 0) return "";
  const items = log.map((line) =>
    `<li><time datetime="${escapeMarkup(line.at)}">${escapeMarkup(moment(line.at).slice(5, 16))}</time>${
      escapeMarkup(lineText(line))
    }</li>`
  );
  return `<ol class="log" tabindex="0" aria-label="Log">${items.join("\n")}</ol>`;
}

function lineText({ begin, note, end, problem }: LogLine): string {
  if (begin) return `began, with dnpo ${begin.dnpo} on Deno ${begin.deno}, ${begin.system}`;
  if (end) return `ended: ${end}${problem === undefined ? "" : `: ${problem}`}`;
  return String(note ?? "");
}
