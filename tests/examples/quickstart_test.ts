import { deepEqual, equal, notEqual, ok, throws } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openModelFolder, saveModelFolder, type SaveOptions } from "../../core/checkpoint/model_folder.ts";
import { loadConfig, requireFor } from "../../core/config/config.ts";
import { readRows } from "../../core/data/read_rows.ts";
import { tokenizeExamples } from "../../core/data/tokenize_rows.ts";
import { loadTokenizer, type Tokenizer } from "../../core/data/tokenizer/tokenizer.ts";
import { folderFiles } from "../../core/files/model_files.ts";
import { loadVerifier } from "../../core/label/verifier_judge.ts";
import { parameterShapes } from "../../core/model/families/families.ts";
import { parseModelConfig } from "../../core/model/families/model_config.ts";
import { GENERATION_CONFIG, initialWeights, MODEL_CONFIG } from "../../examples/quickstart/initial_model.ts";
import { quickstartFiles } from "../../examples/quickstart/make.ts";
import { createRandom } from "../../examples/quickstart/seeded_random.ts";
import { COMMITTED, makeTask, solve } from "../../examples/quickstart/task.ts";
import score from "../../examples/quickstart/verifier.ts";
import { EOS_ID, VOCAB_SIZE } from "../../examples/quickstart/word_tokenizer.ts";
import { assertClose } from "../_shared/assert_close.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDER = `${ROOT}examples/quickstart`;

Deno.test("solve() sorts and flips, and refuses other prompts", () => {
  equal(solve("sort dbca>"), "abcd");
  equal(solve("sort hbbah>"), "abbhh");
  equal(solve("flip abcd>"), "dcba");
  for (const prompt of ["sort dbca", "flip >", "add ab>", "sort ab>c", ""]) {
    throws(() => solve(prompt), { message: /^Cannot solve ".*": expected "sort WORD>" or "flip WORD>"$/ });
  }
});

Deno.test("makeTask() makes the same rows for a seed, each prompt once, about 40 % of the human answers wrong", () => {
  const { rows, heldOut } = makeTask(7, { rows: 4000, heldOut: 500 });
  deepEqual(makeTask(7, { rows: 4000, heldOut: 500 }).rows, rows);
  notEqual(makeTask(8, { rows: 1, heldOut: 0 }).rows[0]!.prompt, rows[0]!.prompt);
  equal(new Set([...rows, ...heldOut].map(({ prompt }) => prompt)).size, 4500);
  for (const { prompt, response } of rows) {
    ok(/^(sort|flip) [a-h]{4,7}>$/.test(prompt), prompt);
    ok(/^[a-h]+$/.test(response) && response.length === solve(prompt).length, response);
  }
  for (const { prompt, response } of heldOut) equal(response, solve(prompt));
  const wrong = rows.filter(({ prompt, response }) => response !== solve(prompt)).length / rows.length;
  ok(Math.abs(wrong - 0.4) < 0.03, `${wrong}`);
});

Deno.test("createRandom() draws uniform, whole and normal numbers", () => {
  const random = createRandom(3);
  const draws = 20_000;
  const faces = [0, 0, 0, 0, 0];
  for (let i = 0; i < draws; i++) faces[random.integer(5)]!++;
  for (const count of faces) ok(Math.abs(count / draws - 0.2) < 0.015, `${faces}`);
  const normals = Array.from({ length: draws }, () => random.normal());
  const mean = (power: number): number => normals.reduce((sum, x) => sum + x ** power, 0) / draws;
  assertClose([mean(1), mean(2), mean(4)], [0, 1, 3], { atol: 0.15 });
});

Deno.test("verifier: the share of right characters of the longer text, its end among them", () => {
  const prompt = "sort dbca>";
  equal(score({ prompt, response: "abcd" }), 1);
  equal(score({ prompt, response: "abdc" }), 3 / 5);
  equal(score({ prompt, response: "abcdd" }), 4 / 6);
  equal(score({ prompt, response: "abc" }), 3 / 5);
  equal(score({ prompt, response: "" }), 0);
  equal(score({ prompt, response: " abcd" }), 0);
  // A letter too many is worse than a wrong one.
  ok(score({ prompt, response: "abcdd" }) < score({ prompt, response: "abca" }));
});

Deno.test("verifier.ts loads as a verifier", async () => {
  using verifier = await loadVerifier(`${FOLDER}/verifier.ts`, { seconds: 60 });
  deepEqual(await verifier.score([{ prompt: "flip abcd>", response: "dcba" }], "row 0"), [1]);
});

Deno.test("make.ts's files are the committed ones", async () => {
  for (const [path, text] of quickstartFiles()) {
    // The checkpoint's folder is saved by sft.ts; its JSON may be spelled differently.
    const committed = await Deno.readTextFile(`${FOLDER}/${path}`);
    if (path.endsWith(".jsonl")) equal(committed, text, path);
    else deepEqual(JSON.parse(committed), JSON.parse(text), path);
  }
});

Deno.test("tokenizer: every character is one token, and decode() is encode()'s inverse", async () => {
  const tokenizer = await loadTokenizer(`${FOLDER}/model`);
  equal(tokenizer.vocabSize, VOCAB_SIZE);
  deepEqual([tokenizer.eosToken, tokenizer.eosId, tokenizer.bosId], ["</s>", EOS_ID, null]);
  for (const text of ["sort dbca>", "flip abcdefg>gfedcba", " two  spaces \n", "abcdefghijklmnopqrstuvwxyz"]) {
    const ids = tokenizer.encode(text);
    equal(ids.length, text.length, text);
    equal(new Set(ids).size, new Set(text).size, text);
    equal(tokenizer.decode(ids), text);
  }
  equal(tokenizer.decode(tokenizer.encode("ab</s>"), { skipSpecialTokens: true }), "ab");
  deepEqual(tokenizer.encode("aZb"), [...tokenizer.encode("a"), 1, ...tokenizer.encode("b")]);
});

Deno.test("the committed rows become ids as they stand, each answer ending with </s>", async () => {
  const tokenizer: Tokenizer = await loadTokenizer(`${FOLDER}/model`);
  for (const [file, count] of [["rows", COMMITTED.sizes.rows], ["eval", COMMITTED.sizes.heldOut]] as const) {
    const { rows } = await readRows(`${FOLDER}/${file}.jsonl`);
    const { examples, report } = tokenizeExamples(rows, { tokenizer, vocabSize: VOCAB_SIZE, maxLength: 32 });
    deepEqual([report.kept, report.cut, report.merged], [count, 0, 0]);
    for (const { prompt, response, promptIds, responseIds } of examples) {
      equal(promptIds.length, prompt.length);
      equal(responseIds.length, response.length + 1);
      equal(responseIds.at(-1), EOS_ID);
    }
  }
});

Deno.test("initialWeights() are the config's parameters, the same for a seed", () => {
  const config = parseModelConfig(MODEL_CONFIG, "MODEL_CONFIG");
  const weights = initialWeights(MODEL_CONFIG, 1);
  const shapes = parameterShapes(config);
  deepEqual(
    [...weights].map(([name, values]) => [name, values.length]),
    shapes.map(({ name, shape }) => [name, shape.reduce((a, b) => a * b)]),
  );
  equal([...weights.values()].reduce((sum, { length }) => sum + length, 0), 104_768);
  deepEqual(initialWeights(MODEL_CONFIG, 1), weights);
  notEqual(initialWeights(MODEL_CONFIG, 2).get("lm_head.weight")![0], weights.get("lm_head.weight")![0]);
  ok(weights.get("model.norm.weight")!.every((value) => value === 1));
  const deviation = (name: string): number => {
    const values = weights.get(name)!;
    return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  };
  assertClose([deviation("model.embed_tokens.weight")], [1], { rtol: 0.05 });
  assertClose([deviation("model.layers.1.mlp.gate_proj.weight")], [1 / Math.sqrt(3 * 64)], { rtol: 0.03 });
  const down = weights.get("model.layers.1.mlp.down_proj.weight")!;
  assertClose([down.reduce((max, value) => Math.max(max, Math.abs(value)), 0)], [1 / Math.sqrt(176)], { rtol: 0.01 });
});

Deno.test("the initial model is a folder that opens", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const config = parseModelConfig(MODEL_CONFIG, "MODEL_CONFIG");
    const weights = initialWeights(MODEL_CONFIG, 0);
    const tensors: SaveOptions["tensors"] = (name) => Promise.resolve(weights.get(name)!);
    const source = { config, generationConfig: GENERATION_CONFIG, tokenizer: await folderFiles(`${FOLDER}/model`) };
    await saveModelFolder(`${dir}/model`, { source, dtype: "F32", tensors });
    const model = await openModelFolder(`${dir}/model`);
    deepEqual(model.eosTokenIds, [EOS_ID]);
    equal(model.config.bosTokenId, null);
    deepEqual(await model.readTensor("lm_head.weight"), weights.get("lm_head.weight"));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("config.yaml and sft.yaml are configs of their stages", async () => {
  const config = await loadConfig(`${FOLDER}/config.yaml`);
  requireFor("train", config);
  deepEqual([config.method, config.iterations, config.output_dir], ["dnpo", 3, "runs/quickstart"]);
  for (const path of [config.data.train!, config.data.eval!]) ok((await Deno.stat(`${ROOT}${path}`)).isFile, `${path}`);
  const sft = await loadConfig(`${FOLDER}/sft.yaml`);
  requireFor("sft", sft);
  equal(sft.training.loss_type, "sft");
});
