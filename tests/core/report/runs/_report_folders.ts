/** Folders of runs, sweeps and results, made on the spot. @module */
import { writeSafetensors } from "../../../../core/checkpoint/write_safetensors.ts";
import { withFolder } from "../../../_shared/dnpo.ts";
import { lines } from "../../_run_folders.ts";

/** Runs `use` in a folder that holds `files`, by their paths in it. */
export async function withFiles<T>(
  files: Readonly<Record<string, string>>,
  use: (dir: string) => Promise<T>,
): Promise<T> {
  let result: T;
  await withFolder(async (dir) => {
    for (const [name, text] of Object.entries(files)) {
      const path = `${dir}/${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(path, text);
    }
    result = await use(dir);
  });
  return result!;
}

/** What a run is made of. */
export interface MadeRun {
  judge?: string;
  noise?: boolean;
  seed?: number;
  model?: string;
  /** Numbers of the start and of the iterations. */
  numbers?: readonly Readonly<Record<string, number>>[];
  /** Losses of the steps of iteration 0. */
  losses?: readonly number[];
}

/** The files of a run in `dir`. */
export function runFiles(
  dir: string,
  {
    judge = "human",
    noise = false,
    seed = 1,
    model = "base",
    numbers = [{ greedy: 0.5 }, { greedy: 0.6 }],
    losses = [],
  }: MadeRun = {},
): Record<string, string> {
  const config = {
    model,
    output_dir: dir,
    method: "dnpo",
    iterations: numbers.length - 1,
    data: { train: "rows.jsonl", eval: "held.jsonl" },
    labels: { judge },
    training: { beta: 0.1, seed },
    generation: { seed },
    noise: noise ? { update: "joint", alpha: 0.01 } : "none",
  };
  const iterations = numbers.map((values, i) => ({ iteration: i - 1, ...values }));
  return {
    [`${dir}/config.yaml`]: JSON.stringify(config),
    [`${dir}/summary.json`]: JSON.stringify({ iterations, model: `${dir}/model` }),
    [`${dir}/metrics.jsonl`]: lines(
      { iteration: 0, stage: "generate", "generation/length": 6 },
      ...losses.map((loss, i) => ({ iteration: 0, step: i + 1, loss, ...(noise && { "noise/loss": -loss }) })),
    ),
    [`${dir}/model/config.json`]: "{}",
  };
}

/** sweep.json of runs in `dir`, as it was written when the sweep lay in `was`. */
export function sweepFile(
  dir: string,
  runs: readonly { variant: string; seed: number | null; path: string; problem?: string }[],
  was = dir,
): Record<string, string> {
  const listed = runs.map(({ path, ...run }) => ({ ...run, dir: `${was}/${path}`, iterations: [] }));
  return { [`${dir}/sweep.json`]: JSON.stringify({ config: "config.yaml", set: [], runs: listed }) };
}

/** A results file of lm-eval's schema. */
export function resultsText(
  model: string,
  results: Readonly<Record<string, Readonly<Record<string, number>>>>,
  more: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({ results, model_name: model, date: 1, chat_template_sha: null, ...more });
}

/** Writes the log-probabilities that an iteration keeps of its pairs. */
export async function writeLogps(dir: string, logps: { chosen: number[]; rejected: number[] }): Promise<void> {
  const entries = Object.entries(logps).map(([name, values]) => ({
    name,
    dtype: "F32" as const,
    shape: [values.length],
    bytes: () => Promise.resolve(new Uint8Array(new Float32Array(values).buffer)),
  }));
  await writeSafetensors(`${dir}/reference_logps.safetensors`, entries);
}
