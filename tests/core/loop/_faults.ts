/** Runs that die at a change of a file, and are started again. @module */
import { deepEqual, equal, rejects } from "node:assert/strict";
import type { ResolvedConfig } from "../../../core/config/config.ts";
import { train } from "../../../core/loop/train_run.ts";
import { DyingFiles, Killed } from "../../_shared/dying_files.ts";
import { walk } from "../../e2e/_files.ts";
import { configOf } from "./_runs.ts";

/** The files that differ from run to run: times, and what holds them or the folder's name. */
const DIFFER = /\/(timings\.jsonl|log\.jsonl|report\.html|\.lock|checksums\.json|config\.yaml|summary\.json)$/;

/** Runs `train` whole, and then as often as `choose` chooses changes of it: each dies there, goes on, and is compared. */
export async function dieAndGoOn(
  dir: string,
  { iterations, evaluates = false, choose, keys = {}, training = {}, onResult = () => Promise.resolve() }: {
    iterations: number;
    evaluates?: boolean;
    choose: (changes: readonly string[]) => number[];
    /** More keys of the config, and of its training. */
    keys?: Record<string, unknown>;
    training?: Record<string, unknown>;
    /** Looks at a run that went on, by its folder's name, before it is removed. */
    onResult?: (run: string) => Promise<void>;
  },
): Promise<number> {
  const of = (name: string): Promise<ResolvedConfig> =>
    configOf(dir, {
      output_dir: `${dir}/${name}`,
      data: { train: `${dir}/rows.jsonl`, ...(evaluates && { eval: `${dir}/rows.jsonl` }) },
      iterations,
      ...keys,
      training: { max_steps: 2, save_steps: 1, ...training },
      generation: { max_new_tokens: 6, batch_size: 4, seed: 5 },
    });
  let changes: string[];
  {
    using files = new DyingFiles();
    await train(await of("whole"));
    changes = files.changes;
  }
  const [expected, sums] = [await results(`${dir}/whole`), await checksums(`${dir}/whole`)];
  const chosen = choose(changes);
  for (const last of chosen) {
    const config = await of("run");
    {
      using _files = new DyingFiles(last);
      await rejects(train(config), (error) => {
        equal(error instanceof Killed, true, `${changes[last]}: ${error instanceof Error ? error.stack : error}`);
        return true;
      });
    }
    const notes: string[] = [];
    await train(config, { onNote: (line) => notes.push(line) });
    const what = `killed at ${changes[last]}`;
    deepEqual(notes.filter((line) => /checksum|changed/.test(line)), [], what);
    const actual = await results(`${dir}/run`);
    deepEqual([...actual.keys()], [...expected.keys()], what);
    for (const [name, bytes] of expected) deepEqual(actual.get(name), bytes, `${name}, ${what}`);
    deepEqual(await checksums(`${dir}/run`), sums, what);
    await onResult("run");
    await Deno.remove(`${dir}/run`, { recursive: true });
  }
  return chosen.length;
}

async function results(dir: string): Promise<Map<string, Uint8Array>> {
  const paths = (await walk(dir)).filter((path) => !DIFFER.test(path));
  return new Map(
    await Promise.all(paths.map(async (path) => [path.slice(dir.length + 1), await Deno.readFile(path)] as const)),
  );
}

/** The checksums without what names folders or times of files. */
async function checksums(dir: string): Promise<unknown> {
  const { known: _, began: __, ...record } = JSON.parse(await Deno.readTextFile(`${dir}/checksums.json`));
  return record;
}
