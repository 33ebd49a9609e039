import { deepEqual, equal, match, rejects } from "node:assert/strict";
import type { IterationConfig, ResolvedConfig } from "../../../core/config/config.ts";
import type { ResponseRow } from "../../../core/data/stage_files.ts";
import { train } from "../../../core/loop/train_run.ts";
import { planRun } from "../../../core/plan/plan_run.ts";
import { warnOfCut, warnOfLoss, warnOfPositions, warnOfSettings } from "../../../core/run/nonsense_notes.ts";
import type { RunContext } from "../../../core/run/run_context.ts";
import { device } from "../../_shared/device.ts";
import { jsonLines, tinyPairs, tinyRows } from "../../_shared/tiny_model.ts";
import { configOf, withInput } from "../loop/_runs.ts";

/** The lines that `tell` notes in a run. */
function notes(tell: (context: RunContext) => void, config: Partial<ResolvedConfig> = {}): string[] {
  const lines: string[] = [];
  tell({ config, onNote: (line: string) => lines.push(line) } as unknown as RunContext);
  return lines;
}

Deno.test("warnOfCut() warns above a tenth of cut answers, and names the limit that cut them", () => {
  const settings = {
    iteration: 2,
    generation: { max_new_tokens: 3 },
    data: { max_length: 9 },
  } as unknown as IterationConfig;
  const row = (length: number, finished: boolean): ResponseRow =>
    ({ finished, generatedIds: new Array(length).fill(1) }) as unknown as ResponseRow;
  const told = (cut: number, short = 0): string[] => {
    const rows = Array.from({ length: 20 }, (_, i) => row(i < short ? 2 : 3, i >= cut));
    return notes((context) => warnOfCut(context, { rows, settings }));
  };
  deepEqual(told(2), []);
  const end = "before they ended, and are trained on without an end; a larger limit lets them end";
  deepEqual(told(3), [
    `Warning: 3 of 20 answers of iteration 2 (15.0 %) were cut at generation.max_new_tokens 3 ${end}`,
  ]);
  deepEqual(told(3, 3), [`Warning: 3 of 20 answers of iteration 2 (15.0 %) were cut at data.max_length 9 ${end}`]);
  match(told(3, 1)[0]!, /cut at generation\.max_new_tokens 3 or data\.max_length 9 before/);
});

Deno.test("warnOfSettings() tells of entries that no iteration takes, and of dnpo without a judge", () =>
  withInput(async (dir) => {
    const told = async (keys: Record<string, unknown>): Promise<string[]> =>
      notes(warnOfSettings, await configOf(dir, keys));
    const judged = { labels: { judge: "logprob", model: `${dir}/judge` } };
    deepEqual(await told({ ...judged, iterations: 2, training: { beta: [0.1, 0.2] } }), []);
    deepEqual(await told({ ...judged, iterations: 1, training: { beta: [0.1, 0.2] }, noise: ["none", {}, {}] }), [
      "Warning: noise has 3 entries for 1 iteration: the last 2 are not used",
      "Warning: training.beta has 2 entries for 1 iteration: the last one is not used",
    ]);
    const spin = "Warning: method dnpo without a judge: the human answer is always chosen, which is SPIN";
    deepEqual(await told({}), [`${spin} with noise; labels.judge names a judge`]);
    deepEqual(await told({ noise: "none" }), [`${spin}; labels.judge names a judge`]);
    deepEqual(await told({ iterations: 2, labels: [{ judge: "human" }, judged.labels] }), []);
    deepEqual(await told({ method: "spin" }), []);
  }));

Deno.test("warnOfPositions() tells of a max_length above the model's positions, once", () => {
  const told = (maxLength: number): string[] =>
    notes((context) => [0, 1].forEach(() => warnOfPositions(context, { maxLength, positions: 64 })));
  deepEqual(told(64), []);
  deepEqual(told(65), [
    "Warning: data.max_length is 65, above the 64 positions of the model (max_position_embeddings): what is beyond them, it has never seen",
  ]);
});

Deno.test("warnOfLoss() tells once of a loss above ln 2, and why", () => {
  const told = (loss: number, margins: number, { noise = {} as unknown, type = "sigmoid" } = {}): string[] => {
    const settings = { iteration: 1, noise, training: { loss_type: type } } as unknown as IterationConfig;
    return notes((context) => [0, 1].forEach(() => warnOfLoss(context, { loss, margins, settings })));
  };
  deepEqual(told(Math.LN2, 0), []);
  deepEqual(told(0.6932, 0.1), []);
  deepEqual(told(0.75, -0.1, { type: "ipo" }), []);
  deepEqual(told(NaN, 0.1), []);
  const start =
    "Warning: the mean model loss of iteration 1 is 0.7500, above ln 2 = 0.6931, that of a model that has learned nothing: ";
  deepEqual(told(0.75, 0.1), [
    `${start}the noise is trained to raise it, and the margins without noise tell what the model has learned (rewards/margins 0.10)`,
  ]);
  const lost =
    `${start}against the reference, the rejected answers have gained on the chosen ones (rewards/margins −0.10); ` +
    "a lower training.learning_rate, or fewer epochs, may help";
  deepEqual([...told(0.75, -0.1), ...told(0.75, -0.1, { noise: "none", type: "robust" })], [lost, lost]);
  match(told(0.75, 0.1, { noise: "none" })[0]!, /: some pairs are far on the wrong side, though most are not \(/);
});

Deno.test("train() of method dpo refuses rows without pairs, as does its plan, unless a judge is set", () =>
  withInput(async (dir) => {
    const refused =
      /^UserError: Cannot train with method dpo on \S+rows\.jsonl: its rows have no chosen and rejected answers, expected pairs, or labels\.judge set, which judges answers of the model \(method spin always takes the human answer\)$/;
    const config = await configOf(dir, { method: "dpo" });
    await rejects(train(config), refused);
    await rejects(planRun(config, { device }), refused);
    const judged = await configOf(dir, { method: "dpo", labels: { judge: "logprob", model: `${dir}/judge` } });
    equal((await train(judged)).iterations.length, 2);
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(6)));
    const paired = await configOf(dir, {
      method: "dpo",
      data: { train: `${dir}/pairs.jsonl` },
      output_dir: `${dir}/b`,
    });
    equal((await train(paired)).iterations.length, 2);
  }));

Deno.test("train() tells of what is hardly meant: cut answers, positions, dropped held-out rows, a loss above ln 2", () =>
  withInput(async (dir) => {
    const long = { prompt_ids: new Array(20).fill(3), response_ids: [4, 2] };
    await Deno.writeTextFile(`${dir}/held.jsonl`, jsonLines([...tinyRows(3), long]));
    const told = async (keys: Record<string, unknown>): Promise<string> => {
      const lines: string[] = [];
      await train(await configOf(dir, { method: "spin", iterations: 2, ...keys }), {
        onNote: (line) => lines.push(line),
      });
      return lines.join("\n");
    };
    const data = { train: `${dir}/rows.jsonl`, eval: `${dir}/held.jsonl`, max_length: 20 };
    // A learning rate at which the model is lost.
    const lost = await told({ data, generation: { max_new_tokens: 2 }, training: { learning_rate: 3, max_steps: 3 } });
    equal(lost.match(/held\.jsonl: 1 of 4 rows dropped, as the prompt alone reaches max_length 20/g)?.length, 1, lost);
    match(
      lost,
      /Warning: \d+ of 10 answers of iteration 0 \(\d+\.0 %\) were cut at generation\.max_new_tokens 2 before/,
    );
    equal(lost.match(/above ln 2 = 0\.6931/g)?.length, 1, lost);
    const calm = await told({ data: { ...data, max_length: 65 }, output_dir: `${dir}/calm` });
    match(calm, /^Warning: data\.max_length is 65, above the 64 positions of the model/m);
    equal(calm.includes("ln 2"), false, calm);
  }));

Deno.test("train() tells of held-out prompts that it trains on, and of few of them nothing", () =>
  withInput(async (dir) => {
    const rows = tinyRows(20);
    await Deno.writeTextFile(`${dir}/held.jsonl`, jsonLines(rows.slice(8)));
    await Deno.writeTextFile(`${dir}/most.jsonl`, jsonLines(rows.slice(0, 9)));
    const told = async (name: string, keys: Record<string, unknown>): Promise<string[]> => {
      const lines: string[] = [];
      const config = await configOf(dir, { iterations: 1, output_dir: `${dir}/${name}`, ...keys });
      await train(config, { onNote: (line) => lines.push(line) });
      return lines.filter((line) => line.includes("data.eval ("));
    };
    const end = "too: the model is trained on them, and results there say little of new ones";
    const [train20, most] = [`${dir}/rows.jsonl`, `${dir}/most.jsonl`];
    await Deno.writeTextFile(train20, jsonLines(rows.slice(0, 10)));
    const data = (held: string): { train: string; eval: string } => ({ train: train20, eval: held });
    const shared = (held: string, counts: string): string =>
      `Warning: ${counts} prompts of data.eval (${held}) are prompts of data.train (${train20}) ${end}`;
    deepEqual(await told("same", { data: data(train20) }), [shared(train20, "10 of the 10")]);
    deepEqual(await told("sft", { data: data(most), method: "sft" }), [shared(most, "9 of the 9")]);
    // Two of twelve are above a tenth, one of eleven is not.
    deepEqual((await told("two", { data: data(`${dir}/held.jsonl`) })).length, 1);
    await Deno.writeTextFile(`${dir}/held.jsonl`, jsonLines(rows.slice(9)));
    deepEqual(await told("one", { data: data(`${dir}/held.jsonl`) }), []);
  }));
