/** What an evaluation will compute and how long that takes, in words. @module */
import { counted } from "../core/counted.ts";
import type { TaskTime } from "../core/plan/evaluation_time.ts";
import { formatCount } from "./format_units.ts";
import { formatDuration } from "./progress_line.ts";

/** More tasks than these are told in one line: MMLU has 57. */
const MOST_TASKS = 6;

/**
 * A line for each task that has something left to compute, and one for all of them together; where lines cannot be
 * short-lived, as in a pipe, that one alone.
 */
export function workLines(times: readonly TaskTime[], { isTerminal }: { isTerminal: boolean }): string[] {
  const left = times.filter(({ work }) => work.requests > 0);
  if (left.length === 0) return ["To compute: nothing, all answers are there from before"];
  const all = times.length === 1 ? times[0]!.work.task : `${times.length} tasks`;
  const total = lineOf(`To compute: ${all}`, times);
  if (!isTerminal || times.length === 1 || left.length > MOST_TASKS) return [total];
  return [...left.map((time) => lineOf(`  ${time.work.task}`, [time])), total];
}

function lineOf(name: string, times: readonly TaskTime[]): string {
  const sum = (value: (time: TaskTime) => number): number => times.reduce((total, time) => total + value(time), 0);
  const kinds = [...new Set(times.map(({ work }) => work.kind))];
  const requests = kinds.map((kind) => {
    const count = sum(({ work }) => work.kind === kind ? work.requests : 0);
    return counted(count, kind.slice(0, -1));
  });
  const known = sum(({ work }) => work.known);
  const [prompts, answers] = [sum(({ work }) => work.forward.tokens), sum(({ work }) => work.decode.tokens)];
  return [
    `${name}: ${counted(sum(({ work }) => work.documents), "document")}`,
    ...requests,
    ...(known > 0 ? [`${formatCount(known)} there from before`] : []),
    answers === 0
      ? `${formatCount(prompts)} tokens`
      : `${formatCount(prompts)} tokens and at most ${formatCount(answers)} generated`,
    ...(times.some(({ seconds }) => seconds === null) ? [] : [
      `${answers === 0 ? "about" : "at most about"} ${formatDuration(Math.max(1, sum(({ seconds }) => seconds!)))}`,
    ]),
  ].join(", ");
}
