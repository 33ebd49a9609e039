/** The benchmark: `deno task bench [--full] [--json FILE] [--only PATTERN]`. @module */
import { parseArgs } from "node:util";
import { describeRates, openToolDevice } from "../core/device/run_device.ts";
import { wantedDevice } from "../core/device/wanted_device.ts";
import { measureWidths } from "../core/device/vector_width.ts";
import settings from "../deno.json" with { type: "json" };
import { Commands } from "../kernels/device/commands.ts";
import { describe, load } from "./bench_environment.ts";
import { toJson, toLine, toMarkdown } from "./bench_table.ts";
import type { Context, Peers, Result } from "./bench_types.ts";
import { adapterSpecs } from "./cases/adapter_case.ts";
import { attentionSpecs } from "./cases/attention_case.ts";
import { choiceSpecs } from "./cases/choice_case.ts";
import { elementwiseSpecs } from "./cases/elementwise_case.ts";
import { generateSpecs } from "./cases/generate_case.ts";
import { growthSpecs } from "./cases/growth_case.ts";
import { lmHeadSpecs } from "./cases/lm_head_case.ts";
import { storageSpecs } from "./cases/load_save_case.ts";
import { matmulSpecs } from "./cases/matmul_case.ts";
import { scoreSpecs } from "./cases/score_case.ts";
import { startSpecs } from "./cases/start_case.ts";
import { storedMatmulSpecs } from "./cases/stored_matmul_case.ts";
import { stepSpecs } from "./cases/step_case.ts";
import { openJax } from "./peers/jax.ts";
import { openTfjs } from "./peers/tfjs.ts";
import { TorchPeer } from "./peers/torch.ts";

const DOCUMENT = new URL("../docs/development/benchmarks.md", import.meta.url);

const NOTES = [
  "Medians of the rounds; the contenders' order turns around from round to round (A B, B A). A round repeats short work " +
  "for at least a quarter of a second per fence, as a fence alone costs 11 ms or more in Deno.",
  "step: the reference's log-probabilities are computed beforehand on all sides (TRL's precompute_ref_log_probs).",
  "step/llama-10m in jax-js: a step over 8 x 256 tokens would take minutes, so that it is compared at 2 x 64 tokens of the " +
  "same model. `@jax-js/optax` is not on npm: AdamW is written in jax-js, `jit` around it and around the gradients. The " +
  "embedding's gradient is a product with one-hot rows there, as naga refuses the shader of its scatter.",
  "own matmul, beside the step: NN of 1024 in the same rounds.",
  "On lavapipe all libraries of the process run at the vector width that was measured to suit our kernels.",
  "evaluate: transformers is called as lm-eval's HF backend does, a document's choices side by side in one batch; lm-eval " +
  "is that backend itself.",
  "generate in jax-js: `jit` around one token of all rows, the KV cache updated by `where`, a wait every 16 tokens.",
];

async function openPeers(): Promise<Peers> {
  const threads = navigator.hardwareConcurrency;
  const version = (name: keyof typeof settings.imports): string => settings.imports[name].split("@").at(-1)!;
  const missing = (name: string) => (error: unknown): null => {
    console.error(`${name} is left out: ${error instanceof Error ? error.message : error}`);
    return null;
  };
  return {
    jax: await openJax(version("@jax-js/jax")).catch(missing("jax-js")),
    tfjs: await openTfjs(version("@tensorflow/tfjs-core")).catch(missing("tfjs")),
    torch: await TorchPeer.start(threads),
    startTorch: () => TorchPeer.start(threads),
  };
}

async function main(args: string[]): Promise<void> {
  const { values: { full, json, only } } = parseArgs({
    args,
    options: { full: { type: "boolean", default: false }, json: { type: "string" }, only: { type: "string" } },
  });
  const folder = await Deno.makeTempDir({ prefix: "dnpo-bench-" });
  // As a run would: kernel variants and vectors by measuring, before anything loads the driver.
  Deno.env.set("DNPO_CACHE", folder);
  const wanted = await wantedDevice({ autotune: false });
  const { rates } = await measureWidths({ ...wanted, vectorWidth: wanted.vectorWidth ?? undefined, always: true });
  const device = await openToolDevice();
  const specs = [
    ...matmulSpecs({ gpu: device.family === "gpu" }),
    ...storedMatmulSpecs(),
    ...attentionSpecs(),
    ...lmHeadSpecs(),
    ...elementwiseSpecs(),
    ...stepSpecs(),
    ...adapterSpecs(),
    ...generateSpecs(),
    ...scoreSpecs(),
    ...choiceSpecs(),
    ...storageSpecs(),
    ...startSpecs(),
    ...growthSpecs(),
  ].filter(({ name, quick }) => only === undefined ? full || quick : new RegExp(only).test(name));
  const peers = await openPeers();
  const context: Context = {
    device,
    commands: new Commands(device),
    peers,
    rounds: 5,
    batchSeconds: 0.25,
    folder,
    notes: [...NOTES],
  };
  try {
    const environment = await describe(device, peers);
    if (rates.length > 1) environment.push(`vectors: ${describeRates(rates)}`);
    for (const line of environment) console.log(line);
    const results: Result[] = [];
    for (const { name, run } of specs) {
      const start = performance.now();
      const made = await run(context);
      for (const result of made) console.log(toLine(result));
      console.log(`  ${name} took ${((performance.now() - start) / 1000).toFixed(0)} s`);
      results.push(...made);
    }
    environment.push(`load average at the end: ${load()}`);
    for (const note of context.notes) console.log(note);
    if (json !== undefined) await Deno.writeTextFile(json, JSON.stringify(toJson(results), null, 2) + "\n");
    if (full && only === undefined) {
      await Deno.writeTextFile(DOCUMENT, toMarkdown(results, { environment, notes: context.notes }));
    }
  } finally {
    await peers.torch?.stop();
    await Deno.remove(context.folder, { recursive: true });
  }
}

await main(Deno.args);
