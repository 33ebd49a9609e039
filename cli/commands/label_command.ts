/** `dnpo label`. @module */
import { counted } from "../../core/counted.ts";
import { loadConfig } from "../../core/config/config.ts";
import type { LabelReport } from "../../core/label/label_pairs.ts";
import { runLabel } from "../../core/loop/single_stages.ts";
import { type LabelPlan, planLabel } from "../../core/plan/label_plan.ts";
import { plainNumber } from "../../core/report/format_numbers.ts";
import { measureOf } from "../../core/report/measures.ts";
import { iterationPaths } from "../../core/run/run_paths.ts";
import { percent } from "../../core/values.ts";
import type { RunOptions } from "../options.ts";
import { sayText } from "../print.ts";
import { formatTable } from "../text_table.ts";
import { runWithConfig } from "./_run_with_config.ts";

/** Judges responses into pairs. With `dryRun`, prints what would be asked, and sends nothing. */
export async function label(options: RunOptions & { dryRun?: boolean }): Promise<number> {
  if (options.dryRun) {
    sayText(...planLines(await planLabel(await loadConfig(options.config, { set: options.set }))));
    return 0;
  }
  return await runWithConfig(options, async ({ config, hooks, progress }) => {
    const { path, report } = await runLabel(config, hooks);
    progress.finish();
    sayText(...reportTable(report).split("\n"), reportLine(report));
    const { pairs, generatedChosen, ties, identical } = report;
    sayText(
      `Pairs: ${path} (${counted(pairs, "pair")}; ${measureOf("generated_chosen").name} ${
        plainNumber(generatedChosen, true)
      }, ${counted(ties, "tie")}, ${counted(identical, "row")} with identical answers left out)`,
    );
  }, { rows: ({ output_dir: folder, iteration }) => iterationPaths(folder, iteration).responses });
}

/** The judge's mean scores of both sides, and the answers' mean lengths, which show whether length sways it. */
function reportTable(report: LabelReport): string {
  const { scoreHuman, scoreGenerated, lengthWinner, lengthLoser, lengthChosen, lengthRejected } = report;
  const rows: [string, number | null, number | null][] = [
    ["human", scoreHuman, null],
    ["generated", scoreGenerated, null],
    ["scored higher", null, lengthWinner],
    ["scored lower", null, lengthLoser],
    ["chosen", null, lengthChosen],
    ["rejected", null, lengthRejected],
  ];
  const known = rows.filter(([, score, length]) => score !== null || length !== null);
  const cell = (value: number | null): string => value === null ? "" : plainNumber(value, false);
  return formatTable(["", "mean score", "mean tokens"], known.map(([name, a, b]) => [name, cell(a), cell(b)]));
}

/** Further numbers about the verdicts, in a line. */
function reportLine({ pairs, judged, ties, orderDisagreements, judge }: LabelReport): string {
  const share = (count: number, of: number): string => of === 0 ? "" : ` (${percent(count / of)} %)`;
  const { "labels/invalid": invalid, "labels/requests": requests } = judge;
  return [
    `${judged} of ${counted(pairs, "pair")} scored`,
    `${counted(ties, "tie")}${share(ties, pairs)}`,
    ...(orderDisagreements === null ? [] : [
      `${orderDisagreements} ${orderDisagreements === 1 ? "differs" : "differ"} with the order${
        share(orderDisagreements, pairs)
      }`,
    ]),
    ...(invalid === undefined || requests === undefined ? [] : [`${invalid} of ${requests} replies hold no verdict`]),
  ].join(", ");
}

/** The lines of a plan. */
function planLines({ responses, rows, judged, judges }: LabelPlan): string[] {
  const lines = [`${responses}: ${counted(rows, "row")}, ${judged} with two different responses`];
  for (const { name, server, questions, answered, characters, examples } of judges) {
    if (questions === null) {
      lines.push(`Judge ${name} asks no language model`);
      continue;
    }
    const what = server === null
      ? `Judge ${name} (the policy itself)`
      : `Judge ${name} (${server.model} at ${server.url})`;
    const before = answered > 0 ? `, ${answered} of them answered before` : "";
    lines.push(
      `${what}: ${counted(questions, "request")}${before}; ${counted(characters, "character")} to send`,
    );
    examples.forEach((text, i) =>
      lines.push(`--- request ${i + 1} of ${questions} ---`, ...text.trimEnd().split("\n"))
    );
    if (examples.length > 0) lines.push("---");
  }
  lines.push("Dry run: nothing was sent or written");
  return lines;
}
