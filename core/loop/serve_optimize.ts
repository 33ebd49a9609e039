/** An optimize stage as another rank than the first: it follows what `OptimizeCrew` tells. @module */
import { nextTask } from "../cluster/crew.ts";
import { receiveBytes } from "../cluster/send_bytes.ts";
import type { Transport } from "../cluster/transport.ts";
import type { RowsToScore } from "../model/row_logps.ts";
import type { RunContext } from "../run/run_context.ts";
import { distributionOf } from "../train/distribution.ts";
import { LOSSES } from "../train/losses/losses.ts";
import type { OptimizeTask, OptimizeWord } from "../train/optimize_crew.ts";
import type { ReferenceLogps } from "../train/reference_logps.ts";
import { RowTrainer } from "../train/row_trainer.ts";
import { rowsFromBytes } from "../train/rows_transfer.ts";
import { giveState, takeState } from "../train/state_transfer.ts";
import type { TrainingRows } from "../train/training_rows.ts";
import { checkSameFiles, checkSameStart } from "./same_files.ts";
import { serveScore } from "./serve_model.ts";
import { startDigests } from "./start_digests.ts";
import { openPolicy, type Policy, type PolicyContext } from "./policy.ts";

/** Serves one stage. Returns false if the first rank has no more tasks at all. */
export async function serveOptimize(
  context: PolicyContext & Pick<RunContext, "checksums">,
  transport: Transport,
  { dir, files, start, settings }: OptimizeTask,
): Promise<boolean> {
  const data = rowsFromBytes(await receiveBytes(transport));
  await checkSameFiles(context, { dir, files });
  checkSameStart(dir, await startDigests(context, dir, settings), start);
  const policy = await openPolicy(context, { settings, model: { folder: dir } });
  const stage = new ServedStage(context, { transport, policy, data, settings });
  try {
    return await stage.run();
  } finally {
    stage.free();
  }
}

class ServedStage {
  readonly #context: PolicyContext;
  readonly #work: { transport: Transport; policy: Policy; data: TrainingRows; settings: OptimizeTask["settings"] };
  #trainer: RowTrainer | null = null;

  constructor(
    context: PolicyContext,
    work: { transport: Transport; policy: Policy; data: TrainingRows; settings: OptimizeTask["settings"] },
  ) {
    this.#context = context;
    this.#work = work;
  }

  async run(): Promise<boolean> {
    const { transport } = this.#work;
    const { device } = this.#context;
    for (let task = await nextTask(transport); task !== null; task = await nextTask(transport)) {
      const word = task.task as OptimizeWord;
      if (word === "end") return true;
      if (word === "prepare") {
        this.#trainer = await this.#prepare();
        continue;
      }
      if (word === "score") {
        await serveScore(this.#context.commands, transport, this.#work.policy.scorer, task as unknown as RowsToScore);
        continue;
      }
      const trainer = this.#trainer!;
      if (word === "step") {
        await trainer.advance();
        if (trainer.isFull) await trainer.read();
      } else if (word === "share") await trainer.shareRejectedLogps();
      else if (word === "save") await giveState(device, transport, trainer.stateBuffers);
      else {
        const { done, tokens } = task as unknown as { done: number; tokens: number };
        await takeState(device, transport, trainer.stateBuffers);
        trainer.resume({ done, tokens });
      }
    }
    return false;
  }

  async #prepare(): Promise<RowTrainer> {
    const { transport, policy, data, settings } = this.#work;
    const floats = async (): Promise<Float32Array> => new Float32Array((await receiveBytes(transport)).buffer);
    const known: ReferenceLogps | null = LOSSES[settings.training.loss_type].needsReference
      ? { chosen: await floats(), rejected: await floats() }
      : null;
    return await RowTrainer.create(this.#context.commands, {
      model: policy.model,
      data,
      // The first rank tells of a step that is not finite.
      settings: { ...settings, training: { ...settings.training, on_nan: "skip" } },
      reference: policy.reference,
      logps: () => Promise.resolve(known!),
      distribution: distributionOf(settings, transport),
    });
  }

  free(): void {
    this.#trainer?.free();
    this.#work.policy.free();
  }
}
