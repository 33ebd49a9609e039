/** `dnpo runs`. @module */
import { resolve } from "node:path";
import { exists } from "../../core/files/io.ts";
import { plainNumber } from "../../core/report/format_numbers.ts";
import { measureOf } from "../../core/report/measures.ts";
import { listRuns, type RunState } from "../../core/run/list_runs.ts";
import { say, sayJson, tell } from "../print.ts";
import { formatTable, outputColumns } from "../text_table.ts";

/** Where runs are if no folder is named: until the first one there is no such folder, which is no mistake. */
const DEFAULT_DIR = "runs";

/** Prints a table of the runs in a folder, or of the run that the folder is, the latest first; with `json`, as JSON. */
export async function runs({ dir: named, json }: { dir: string | undefined; json: boolean }): Promise<number> {
  const dir = named ?? DEFAULT_DIR;
  const isMissing = named === undefined && !await exists(dir);
  const found = isMissing ? [] : await listRuns(dir);
  if (json) sayJson(found);
  else if (isMissing) tell(`No runs: there is no folder ${resolve(dir)}`);
  else if (found.length === 0) {
    tell(`No runs in ${dir}: none of its folders holds the metrics.jsonl or the files of a run`);
  } else say(...runsTable(found, outputColumns()).split("\n"));
  return 0;
}

/** The most characters of a reason in the table; as JSON it is whole. */
const MOST_REASON = 100;

function cut(text: string): string {
  return text.length <= MOST_REASON ? text : `${text.slice(0, MOST_REASON - 1)}…`;
}

/** The table; columns that are empty for all runs are left out. */
export function runsTable(runs: readonly RunState[], terminal = Infinity): string {
  const evaluated = ({ evaluation, best: picked }: RunState): string => {
    if (!evaluation) return "";
    const { first, last, best, bestIteration } = evaluation;
    const { name, kind } = measureOf(evaluation.name);
    const format = (value: number): string => plainNumber(value, kind === "share");
    const start = `${name} ${format(first)}`;
    if (last === undefined) return start;
    // Unless the best one is picked, the last is handed out, whichever was the best.
    const mark = last === best
      ? "best"
      : `best ${format(best!)}, ${bestIteration === -1 ? "start" : `iteration ${bestIteration}`}`;
    const handed = picked === undefined ? "" : `; handed out: iteration ${picked.iteration}`;
    return `${start} → ${format(last)} (${mark}${handed})`;
  };
  const columns: { head: string; text?: true; value: (run: RunState) => string }[] = [
    { head: "run", text: true, value: (run) => run.name },
    { head: "method", text: true, value: (run) => run.method ?? "" },
    { head: "model", text: true, value: (run) => run.model ?? "" },
    { head: "judge", text: true, value: (run) => run.judge ?? "" },
    { head: "iterations", value: (run) => run.planned === null ? "" : `${run.done}/${run.planned}` },
    { head: "state", text: true, value: (run) => run.state },
    { head: "loss", value: (run) => run.loss === null ? "" : plainNumber(run.loss, false) },
    { head: "evaluation", text: true, value: evaluated },
    { head: "reason", text: true, value: (run) => cut(run.reason ?? "") },
    { head: "last written", text: true, value: (run) => run.when.slice(0, 16).replace("T", " ") },
  ];
  const used = columns.filter(({ value }) => runs.some((run) => value(run) !== ""));
  return formatTable(
    used.map(({ head }) => head),
    runs.map((run) => used.map(({ value }) => value(run))),
    { text: used.flatMap(({ text }, i) => text ? [i] : []), columns: terminal },
  );
}
