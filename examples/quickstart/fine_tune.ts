/** Makes the quick start's checkpoint: random weights, fine-tuned on human answers (`deno task quickstart:sft`). @module */
import { folderFiles, openModelFolder, parseModelConfig, saveModelFolder } from "../../engine.ts";
import { loadConfig, runSft } from "../../mod.ts";
import { GENERATION_CONFIG, initialWeights, MODEL_CONFIG } from "./initial_model.ts";

const HERE = "examples/quickstart";
const SEED = 0;

/** Writes a model with the random weights of `seed` into the folder `dir`, with the committed tokenizer. */
export async function writeInitialModel(dir: string, seed: number): Promise<void> {
  const weights = initialWeights(MODEL_CONFIG, seed);
  await Deno.mkdir(dir, { recursive: true });
  await saveModelFolder(dir, {
    source: {
      config: parseModelConfig(MODEL_CONFIG, "the quick start's config"),
      generationConfig: GENERATION_CONFIG,
      tokenizer: await folderFiles(`${HERE}/model`),
    },
    dtype: "F32",
    tensors: (name) => Promise.resolve(weights.get(name)!),
  });
}

if (import.meta.main) {
  const config = await loadConfig(`${HERE}/sft.yaml`);
  await writeInitialModel(config.model!, SEED);
  let shown = 0;
  const { model, last } = await runSft(config, {
    onProgress: ({ done, total, loss }) => {
      if (done < total && done < shown + 50) return;
      shown = done;
      console.error(`sft ${done}/${total}${loss === undefined ? "" : ` loss ${loss.toFixed(4)}`}`);
    },
  });
  const folder = await openModelFolder(model);
  await saveModelFolder(`${HERE}/model`, { source: folder, dtype: "F32", tensors: (name) => folder.readTensor(name) });
  console.log(`${HERE}/model: loss ${last.loss}`);
}
