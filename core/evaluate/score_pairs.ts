/** Log-probabilities of pairs under a model. @module */
import { Commands } from "../../kernels/device/commands.ts";
import { openModelFolder } from "../checkpoint/model_folder.ts";
import type { Quantization } from "../config/choices.ts";
import { readPairs } from "../data/stage_files.ts";
import { tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { openToolDevice } from "../device/run_device.ts";
import { resolveDataset, resolveModel } from "../hub/resolve_name.ts";
import { loadFrozenModel } from "../model/model.ts";
import { pairLogps } from "../model/row_logps.ts";
import { compileProgress, type OnProgress } from "../progress.ts";
import { modelFiles, modelFolderOf } from "../run/model_path.ts";
import { findRunPairs } from "../run/run_pairs.ts";

/** Summed log-probabilities of a pair's two responses, in nats. */
export interface PairScore {
  /** Log-probability of the chosen response. */
  chosen: number;
  /** Log-probability of the rejected response. */
  rejected: number;
}

/**
 * Scores every pair of `pairs` (a file, a run's folder for the pairs of its last iteration, or a name on the hub as in
 * `data.train`) under `model` (a folder, a run's, or `org/name[@revision]` on the hub), whose linear layers
 * `quantization` quantizes. Throws UserError or DeviceError.
 *
 * @example
 * ```ts
 * import { scorePairs } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const pairs = await Deno.makeTempFile({ suffix: ".jsonl" });
 * await Deno.writeTextFile(pairs, JSON.stringify({ prompt: "sort cab>", chosen: "abc", rejected: "cab" }) + "\n");
 * const [score] = await scorePairs({ model: "examples/quickstart/model", pairs });
 * assert.ok(score!.chosen < 0 && score!.rejected < 0);
 * ```
 */
export async function scorePairs(
  { model: name, pairs: path, quantization = "none", onProgress = () => {}, onNote }: {
    model: string;
    pairs: string;
    quantization?: Quantization;
    onProgress?: OnProgress;
    onNote?: (line: string) => void;
  },
): Promise<PairScore[]> {
  const resolve = async (spec: string): Promise<string> => (await resolveModel(spec, { onProgress })).paths[0]!;
  const files = await modelFiles(await modelFolderOf(name, { resolve, onNote, quantization }), resolve);
  const tokenizer = await tokenizerOf(files);
  const { config } = await openModelFolder(files);
  const locate = async (source: string): Promise<readonly string[]> =>
    (await resolveDataset(source, { onProgress })).paths;
  const ofRun = await findRunPairs(path);
  if (ofRun !== null) onNote?.(`Scoring the pairs of ${ofRun}`);
  const { pairs } = await readPairs(ofRun ?? path, { tokenizer, vocabSize: config.vocabSize, maxLength: null, locate });
  using device = await openToolDevice();
  device.onBuilding = compileProgress(onProgress);
  using commands = new Commands(device);
  const model = await loadFrozenModel(device, files, { quantization });
  const sums = await pairLogps(commands, model, {
    pairs: pairs.map(({ row: example, ...ids }) => ({ example, ...ids })),
    onDone: (done) => onProgress({ stage: "score", done, total: pairs.length }),
  });
  return pairs.map((_, i) => ({ chosen: sums[2 * i]!, rejected: sums[2 * i + 1]! }));
}
