/** Wrong input, as a user meets it: one line, exit code 1, nothing left behind as if whole. @module */
import { deepEqual, equal, match } from "node:assert/strict";
import { type Config, dnpo, runConfig, withFolder, withoutWarnings, writeConfig } from "../_shared/dnpo.ts";
import { jsonLines, TINY_CONFIG, tinyPairs, tinyRows, writeTinyModel } from "../_shared/tiny_model.ts";
import { readTensors } from "../_shared/trajectory.ts";
import { walk } from "./_files.ts";

interface Case {
  what: string;
  command?: "optimize" | "sft" | "train";
  /** Breaks the good input in `dir`: model/, pairs.jsonl, rows.jsonl. */
  spoil: (dir: string) => Promise<void>;
  /** Settings over those of a run that works. */
  config?: (dir: string) => Record<string, unknown>;
  /** The one line; `DIR` stands for the folder. */
  error: RegExp;
}

const TINY_TRAINING = {
  learning_rate: 1e-2,
  per_device_train_batch_size: 2,
  max_steps: 4,
  lr_scheduler_type: "constant",
  shuffle: false,
  logging_steps: 1,
};

const editJson = async (path: string, changes: Record<string, unknown>): Promise<void> => {
  await Deno.writeTextFile(path, JSON.stringify({ ...JSON.parse(await Deno.readTextFile(path)), ...changes }));
};

const CASES: Case[] = [
  {
    what: "missing weights",
    spoil: (dir) => Deno.remove(`${dir}/model/model.safetensors`),
    error: /^error: Cannot load weights from DIR\/model: .*expected model\.safetensors/,
  },
  {
    what: "weights that are cut off",
    spoil: (dir) => Deno.truncate(`${dir}/model/model.safetensors`, 9000),
    error: /^error: Cannot read .*DIR\/model\/model\.safetensors: .*expected .*cut off/,
  },
  {
    what: "weights that are cut off in the header",
    spoil: (dir) => Deno.truncate(`${dir}/model/model.safetensors`, 100),
    error: /^error: Cannot read DIR\/model\/model\.safetensors: .*cut off/,
  },
  {
    what: "a config.json that does not fit the weights",
    spoil: (dir) => editJson(`${dir}/model/config.json`, { intermediate_size: 32 }),
    error:
      /^error: Cannot load "model\.layers\.0\.mlp\.\w+_proj\.weight" from DIR\/model\/model\.safetensors: shape is \[.*\], expected \[.*\] from config\.json/,
  },
  {
    what: "a config.json with a layer more than the weights",
    spoil: (dir) => editJson(`${dir}/model/config.json`, { num_hidden_layers: 3 }),
    error: /^error: Cannot load "model\.layers\.2\.\S+" from DIR\/model\/model\.safetensors: it is missing/,
  },
  {
    what: "an unknown architecture",
    spoil: (dir) =>
      editJson(`${dir}/model/config.json`, { model_type: "gpt_neox", architectures: ["GPTNeoXForCausalLM"] }),
    error: /^error: .*DIR\/model\/config\.json.*(gpt_neox|GPTNeoXForCausalLM).*expected .*llama/i,
  },
  {
    what: "a missing model folder",
    spoil: (dir) => Deno.remove(`${dir}/model`, { recursive: true }),
    error: /^error: Cannot .*DIR\/model/,
  },
  {
    what: "a pair without a needed field",
    spoil: (dir) => {
      const [a, b, { prompt_ids, chosen_ids }, ...rest] = tinyPairs(8) as [object, object, Record<string, number[]>];
      return Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines([a, b, { prompt_ids, chosen_ids }, ...rest]));
    },
    error: /^error: Cannot read DIR\/pairs\.jsonl:3: the row has the keys "prompt_ids", "chosen_ids", expected /,
  },
  {
    what: "a line that is no JSON",
    spoil: (dir) => Deno.writeTextFile(`${dir}/pairs.jsonl`, `${jsonLines(tinyPairs(1))}{"prompt_ids": [1\n`),
    error: /^error: Cannot read DIR\/pairs\.jsonl:2: /,
  },
  {
    what: "a token id beyond the vocabulary",
    spoil: (dir) =>
      Deno.writeTextFile(
        `${dir}/pairs.jsonl`,
        jsonLines([...tinyPairs(1), { prompt_ids: [1, 37], chosen_ids: [2], rejected_ids: [2] }]),
      ),
    error: /^error: .*DIR\/pairs\.jsonl:2.*37.*expected 0 to 36/,
  },
  {
    what: "an empty data set",
    spoil: (dir) => Deno.writeTextFile(`${dir}/pairs.jsonl`, ""),
    error: /^error: Cannot use DIR\/pairs\.jsonl: it holds no rows/,
  },
  {
    what: "a missing data set",
    spoil: (dir) => Deno.remove(`${dir}/pairs.jsonl`),
    error: /^error: Cannot read DIR\/pairs\.jsonl/,
  },
  {
    what: "a data set of which max_length leaves nothing",
    spoil: () => Promise.resolve(),
    config: () => ({ data: { max_length: 3 } }),
    error: /^error: .*none of 8 rows is left.*max_length 3/,
  },
  {
    what: "a row of sft without an answer",
    command: "sft",
    spoil: (dir) => Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines([...tinyRows(3), { prompt_ids: [1, 3] }])),
    error: /^error: Cannot read DIR\/rows\.jsonl:4: the row has the keys "prompt_ids", expected /,
  },
  {
    what: "a row of train without a prompt",
    command: "train",
    spoil: (dir) => Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines([...tinyRows(1), { response_ids: [4, 2] }])),
    error: /^error: Cannot read DIR\/rows\.jsonl:2: the row has the keys "response_ids", expected /,
  },
  {
    what: "text where the model has no tokenizer",
    command: "train",
    spoil: (dir) => Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines([{ prompt: "a", response: "b" }])),
    error: /^error: .*DIR\/rows\.jsonl:1.*tokenizer\.json/,
  },
  {
    what: "a noise generator of other sizes",
    spoil: () => Promise.resolve(),
    config: (dir) => ({ noise: { init: `${dir}/model/model.safetensors` } }),
    error: /^error: Cannot load "weight" from DIR\/model\/model\.safetensors: .*expected \[37, 16\].*noise\.init/,
  },
  {
    what: "an unknown key",
    spoil: () => Promise.resolve(),
    config: () => ({ training: { learning_rat: 1 } }),
    error:
      /^error: DIR\/run\.yaml:\d+:\d+ training\.learning_rat: unknown key, did you mean "training\.learning_rate"\?/,
  },
];

/** Results, and not what training keeps of the reference. */
const RESULT = /(?<!reference_logps)\.safetensors$|metrics\.jsonl$/;

for (const { what, command = "optimize", spoil, config = () => ({}), error } of CASES) {
  Deno.test(`${command} names ${what} in one line`, () =>
    withInput(async (dir, good) => {
      await spoil(dir);
      await expectError(dir, { command, config: { ...good, ...config(dir) }, error });
      // What a reader would take for a result.
      deepEqual((await walk(`${dir}/run`)).filter((path) => RESULT.test(path)), []);
    }));
}

Deno.test("optimize names step and rows of a NaN, and keeps the weights of the last save", () =>
  withInput(async (dir, good) => {
    // The embedding of id 36, which only the pairs of step 3 hold.
    await writeTinyModel(`${dir}/model`, {
      change: (name, values) => name.includes("embed_tokens") && values.fill(NaN, 36 * 16, 36 * 16 + 1),
    });
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(8, { marked: [5] })));
    const config = { ...good, training: { ...TINY_TRAINING, save_steps: 1 } };
    const error = /^error: .*(NaN|Inf).* at step 3 \(rows 4, 5\)/;
    await expectError(dir, { command: "optimize", config, error });
    equal((await walk(`${dir}/run`)).some((path) => path.includes("/model/")), false, "there is no final model");
    deepEqual((await Deno.readTextFile(`${dir}/run/metrics.jsonl`)).match(/"step":\d+/g), ['"step":1', '"step":2']);
    const [state, ...others] = (await walk(`${dir}/run`)).filter((path) =>
      RESULT.test(path) && !path.endsWith(".jsonl")
    );
    deepEqual(others, []);
    for (const [name, values] of await readTensors(state!)) {
      // The controls hold integers; of the values, one was no number from the start.
      const wrong = name === "controls" ? 0 : values.filter((value) => !Number.isFinite(value)).length;
      equal(wrong, name.startsWith("policy.values") ? 1 : 0, `numbers of ${name} that are not finite`);
    }
    // The same command goes on from the saved step, and meets the same row.
    await expectError(dir, { command: "optimize", config, error });
  }));

Deno.test("optimize names the step at which a learning rate was too high, and keeps an earlier model", () =>
  withInput(async (dir, good) => {
    await runConfig("optimize", good);
    const before = await Deno.readFile(`${dir}/run/model/model.safetensors`);
    const config = {
      ...good,
      output_dir: `${dir}/high`,
      model: `${dir}/run/model`,
      training: { ...TINY_TRAINING, learning_rate: 1e10 },
    };
    await expectError(dir, { command: "optimize", config, error: /^error: .*(NaN|Inf).* at step 2 \(rows 2, 3\)/ });
    deepEqual((await walk(`${dir}/high`)).filter((path) => path.includes("/model/")), []);
    deepEqual(await Deno.readFile(`${dir}/run/model/model.safetensors`), before);
  }));

Deno.test("score names a pair without a needed field, and prints nothing else", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines([...tinyPairs(1), { prompt_ids: [1], chosen_ids: [2] }]));
    const { code, out, err } = await dnpo(["score", "--model", `${dir}/model`, "--pairs", `${dir}/pairs.jsonl`]);
    deepEqual([code, out], [1, ""]);
    match(err.replaceAll(dir, "DIR"), /^error: Cannot read DIR\/pairs\.jsonl:2: [^\n]+\n$/);
  }));

/** A folder with a model, pairs and rows that work, and a config for them. */
function withInput(use: (dir: string, good: Config) => Promise<void>): Promise<void> {
  return withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    equal(JSON.parse(await Deno.readTextFile(`${dir}/model/config.json`)).vocab_size, TINY_CONFIG.vocab_size);
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(8)));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(8)));
    await use(dir, {
      model: `${dir}/model`,
      pairs: `${dir}/pairs.jsonl`,
      output_dir: `${dir}/run`,
      data: { train: `${dir}/rows.jsonl` },
      training: TINY_TRAINING,
      generation: { max_new_tokens: 4 },
    });
  });
}

async function expectError(
  dir: string,
  { command, config, error }: { command: string; config: Config; error: RegExp },
): Promise<void> {
  const { code, out, err } = await dnpo([command, await writeConfig(config), "--quiet"]);
  const mistake = withoutWarnings(err);
  match(mistake.replaceAll(dir, "DIR"), error);
  match(mistake, /^[^\n]+\n$/);
  equal(code, 1);
  equal(out, "");
}
