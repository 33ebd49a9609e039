/** engine.ts as one file for a browser, run where nothing may be touched but that file and a model's. @module */
import { deepEqual, equal, match } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createTrainer, generateAnswers, openDevice, openModel, type StepMetrics } from "../../../engine.ts";
import { withFolder } from "../_tiny.ts";

const root = new URL("../../../", import.meta.url);
const MODEL = fileURLToPath(new URL("examples/quickstart/model", root));
const FILES = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
const PROMPTS = ["sort hcdebe>", "flip edbga>"];
const ROWS = [
  { prompt: "sort hcdebe>", chosen: "bcdeeh", rejected: "bcdehe" },
  { prompt: "flip edbga>", chosen: "agbde", rejected: "edbga" },
];
const SAMPLING = { temperature: 1, max_new_tokens: 9, seed: 3 };
const TRAINING = { training: { learning_rate: 1e-3, max_steps: 1 }, noise: { update: "joint" as const } };

/** What the bundle is asked to do, as a page would: a model from bytes, answers, one step, an answer of the result. */
function pageOf(bundle: string): string {
  return `
import { createTrainer, generateAnswers, memoryFiles, openDevice, openModel } from ${JSON.stringify(bundle)};
const names = ${JSON.stringify(FILES)};
const contents = {};
for (const name of names) contents[name] = await Deno.readFile(${JSON.stringify(MODEL)} + "/" + name);
const device = await openDevice();
const model = await openModel(device, memoryFiles(contents));
const ask = async () => {
  const texts = [];
  for await (const { index, text } of generateAnswers(model, ${JSON.stringify(PROMPTS)}, ${JSON.stringify(SAMPLING)})) {
    texts[index] = text;
  }
  return texts;
};
const before = await ask();
const trainer = await createTrainer(model, ${JSON.stringify(ROWS)}, ${JSON.stringify(TRAINING)});
const step = await trainer.step();
console.log(JSON.stringify({ before, step, after: await ask() }));
device.destroy();
`;
}

/** The bundle in a page of a browser without WebGPU; `without` takes it away. */
function barePageOf(bundle: string, without: string): string {
  return `
import { DeviceError, openDevice } from ${JSON.stringify(bundle)};
${without}
const error = await openDevice().catch((error) => error);
console.log(error instanceof DeviceError, String(error));
`;
}

async function deno(args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: decode(stdout), err: decode(stderr) };
}

Deno.test("engine.ts bundles for a browser, and the bundle gives the numbers of the modules with no permission but to read", () =>
  withFolder(async (dir) => {
    const bundle = `${dir}/engine.js`;
    const { code, err } = await deno([
      "bundle",
      "--quiet",
      "--frozen",
      "--platform=browser",
      `--output=${bundle}`,
      "engine.ts",
    ]);
    equal(code, 0, err);
    const text = await Deno.readTextFile(bundle);
    deepEqual(text.match(/\bDeno\.\w+|["'`]node:\w+/g) ?? [], [], "what a browser does not have");

    await Deno.writeTextFile(`${dir}/page.js`, pageOf(bundle));
    const page = await deno(["run", "--quiet", "--no-prompt", `--allow-read=${bundle},${MODEL}`, `${dir}/page.js`]);
    equal(page.code, 0, page.err);
    const found = JSON.parse(page.out) as { before: string[]; step: StepMetrics; after: string[] };

    using device = await openDevice();
    using model = await openModel(device, MODEL);
    const ask = async (): Promise<string[]> => {
      const texts: string[] = [];
      for await (const { index, text } of generateAnswers(model, PROMPTS, SAMPLING)) texts[index] = text;
      return texts;
    };
    const before = await ask();
    using trainer = await createTrainer(model, ROWS, TRAINING);
    const step = await trainer.step();
    deepEqual(found, { before, step, after: await ask() });
    equal(step["noise/variance"]! > 0, true, "the reference carries noise");
    for (const answer of before) match(answer, /^[a-h]+$/);

    for (const without of ["delete Navigator.prototype.gpu;", "delete globalThis.navigator;"]) {
      await Deno.writeTextFile(`${dir}/bare.js`, barePageOf(bundle, without));
      const bare = await deno(["run", "--quiet", "--no-prompt", `--allow-read=${bundle}`, `${dir}/bare.js`]);
      match(bare.out, /^true DeviceError: Cannot open a GPU device: there is no WebGPU here, expected /, bare.err);
    }
  }));
