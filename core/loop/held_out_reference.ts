/** The reference that a run's held-out pairs are measured against after every iteration: the model that it began with. @module */
import type { IterationConfig } from "../config/config_types.ts";
import { freeModel, loadFrozenModel } from "../model/model.ts";
import type { PairIds } from "../model/pack.ts";
import type { Scorer } from "../model/scorer.ts";
import type { RunContext } from "../run/run_context.ts";
import { stagePaths } from "../run/run_paths.ts";
import { shareModel } from "../run/share_model.ts";
import { keptReferenceLogps, readReferenceLogps } from "../train/kept_reference.ts";
import type { ReferenceLogps } from "../train/reference_logps.ts";
import { folderOf } from "./model_ref.ts";

/** Most tokens of a batch, as of the rows that are evaluated. */
const BATCH_TOKENS = 4096;

/**
 * The log-probabilities of held-out pairs under the config's model, which are computed once in a run: they are read from
 * its folder, or else computed with `base`, or with the model loaded for it. Throws UserError or DeviceError.
 */
export async function runReference(
  context: RunContext,
  { pairs, settings, base = null, onDone }: {
    pairs: readonly PairIds[];
    settings: IterationConfig;
    /** The config's model, where it is loaded already. */
    base?: Scorer | null;
    onDone: (done: number) => void;
  },
): Promise<ReferenceLogps> {
  const { commands, device, checksums, sources, config, onNote } = context;
  const dir = await folderOf(context, { name: config.model! });
  const request = {
    rows: pairs,
    used: pairs.map((_, i) => i),
    rejected: true,
    path: stagePaths(config.output_dir).heldOutReference,
    files: await checksums.identityOf(dir),
    quantization: settings.quantization,
  };
  const compute = (scorer: Scorer): Promise<ReferenceLogps> =>
    keptReferenceLogps(commands, { ...request, scorer, batchTokens: BATCH_TOKENS, onDone, onNote });
  if (base !== null) return await compute(base);
  const kept = await readReferenceLogps(commands, { ...request, devices: context.crew?.devices ?? [] });
  if (kept !== null) return kept;
  const model = await loadFrozenModel(device, await sources.filesIn(dir), settings);
  try {
    return await compute(await shareModel(context, model, { dir, quantization: settings.quantization }));
  } finally {
    freeModel(model);
  }
}
