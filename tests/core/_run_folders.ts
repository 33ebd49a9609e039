/** Run folders, made on the spot. @module */

/** Runs `run` on a folder that holds `files` and is removed when the test ends. */
export async function withRun<T>(
  files: Readonly<Record<string, string>>,
  run: (dir: string) => Promise<T>,
): Promise<T> {
  const parent = await Deno.makeTempDir();
  const dir = `${parent}/trial`;
  try {
    await Deno.mkdir(dir);
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${dir}/${name}`, text);
    return await run(dir);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** JSON lines. */
export function lines(...rows: readonly unknown[]): string {
  return rows.map((row) => JSON.stringify(row) + "\n").join("");
}

/** The files of a run of two iterations with two steps each. */
export const TRIAL: Readonly<Record<string, string>> = {
  "config.yaml":
    "model: base\nmethod: dnpo\ntraining:\n  beta: [0.1, 0.5]\nlabels:\n  - judge: human\n  - judge: verifier\n",
  "metrics.jsonl": lines(
    { iteration: 0, stage: "generate", "generation/length": 6.5, "generation/truncated": 3 },
    { iteration: 0, stage: "label", "labels/generated_chosen": 0.25, "labels/ties": 7, "labels/identical": 11 },
    { iteration: 0, step: 1, loss: 0.7, "noise/loss": -0.7, "rewards/margins": 0, "rewards/chosen": 0 },
    { iteration: 0, step: 2, loss: 0.5, "noise/loss": -0.6, "rewards/margins": 0.4, "rewards/chosen": 0.1 },
    { iteration: 1, step: 1, loss: 0.69, "noise/loss": -0.69, "rewards/margins": 0.01, "rewards/chosen": 0 },
    { iteration: 1, step: 2, loss: 0.6, "noise/loss": -0.65, "rewards/margins": 0.2, "rewards/chosen": 0.1 },
  ),
  "summary.json": JSON.stringify({
    iterations: [
      { iteration: -1, greedy: 0.5, sampled: 0.4 },
      { iteration: 0, greedy: 0.625, sampled: 0.5, generated_chosen: 0.25, loss: 0.55, noise_loss: -0.6 },
      { iteration: 1, greedy: 0.75, sampled: 0.6, generated_chosen: 0.2, loss: 0.61, noise_loss: -0.66 },
    ],
    model: "runs/trial/iteration-1/model",
  }),
};
