/** `dnpo --mpi evaluate` on real ranks: the samples of one process, and a mistake that is told once. @module */
import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { dnpo, type Ended } from "../_shared/dnpo.ts";
import { withTasks } from "../core/loop/_word_tasks.ts";
import { dnpoArgs, findLaunchers, mpirun, ownLines } from "./_mpirun.ts";

const MODEL = "examples/quickstart/model";
const launchers = await findLaunchers();

/** Results without times, and what each document was answered. */
async function resultsOf(output: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for await (const { name: model } of Deno.readDir(output)) {
    for await (const { name } of Deno.readDir(`${output}/${model}`)) {
      const kind = /^(results|samples_choose|samples_write)_/.exec(name)?.[1];
      if (kind === undefined) continue;
      const text = await Deno.readTextFile(`${output}/${model}/${name}`);
      if (kind !== "results") found[kind] = text;
      else {
        const { date: _, total_evaluation_time_seconds: __, ...rest } = JSON.parse(text);
        found[kind] = rest;
      }
    }
  }
  return found;
}

function tableOf({ out }: Ended): string[] {
  return out.split("\n").map((line) => line.trim()).filter((line) => line.startsWith("|"));
}

for (const launcher of launchers.slice(0, 1)) {
  Deno.test(`${launcher.name}: evaluate on two ranks writes the results and samples of one process`, () =>
    withTasks(async (dir) => {
      const args = ["evaluate", MODEL, "--tasks", `${dir}/choose.yaml,${dir}/write.yaml`, "--batch-tokens", "20"];
      const alone = await dnpo([...args, "--output", `${dir}/alone`]);
      equal(alone.code, 0, alone.err);
      const ended = await mpirun(launcher, {
        ranks: 2,
        deno: dnpoArgs(launcher.path, [...args, "--output", `${dir}/together`]),
      });
      equal(ended.code, 0, ended.err);
      const results = await resultsOf(`${dir}/together`);
      deepEqual(Object.keys(results).sort(), ["results", "samples_choose", "samples_write"]);
      deepEqual(results, await resultsOf(`${dir}/alone`));
      // The first rank alone prints; a launcher may give it a terminal, which breaks other lines.
      deepEqual(tableOf(ended), tableOf(alone));

      const wrong = await mpirun(launcher, {
        ranks: 2,
        deno: dnpoArgs(launcher.path, [...args, "--tasks", "none_such"]),
      });
      notEqual(wrong.code, 0);
      equal(ownLines(wrong).filter((line) => line.startsWith("error")).length, 1, wrong.err);
      match(ownLines(wrong)[0]!, /^error: .*none_such/);
    }));
}
