/** An optimize stage with other ranks: what the first one tells them, which `serveOptimize` follows. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { FileDigests } from "../checkpoint/folder_identity.ts";
import type { Crew } from "../cluster/crew.ts";
import { sendBytes } from "../cluster/send_bytes.ts";
import type { IterationConfig } from "../config/config_types.ts";
import type { Scorer } from "../model/scorer.ts";
import type { ReferenceLogps } from "./reference_logps.ts";
import type { RowTrainer } from "./row_trainer.ts";
import { rowsToBytes } from "./rows_transfer.ts";
import { ownState, rankedState, type StateTransfer } from "./state_transfer.ts";
import type { TrainingRows } from "./training_rows.ts";

/** What the other ranks are told when the stage begins. */
export interface OptimizeTask {
  readonly task: "optimize";
  /** Where the model lies, and the digests of its files. */
  readonly dir: string;
  readonly files: FileDigests;
  /** The digests of what it begins with besides. */
  readonly start: Readonly<Record<string, string>>;
  readonly settings: IterationConfig;
}

/** What they are told within the stage. */
export type OptimizeWord = "score" | "prepare" | "step" | "share" | "save" | "load" | "end";

/** The first rank's side of a stage, which works as one process where there is no crew. */
export class OptimizeCrew {
  readonly #crew: Crew | null;
  readonly #device: Device;

  constructor(crew: Crew | null, device: Device) {
    this.#crew = crew;
    this.#device = device;
  }

  /** Lets the others load the model, and sends them the rows. */
  async begin(task: OptimizeTask, data: TrainingRows): Promise<void> {
    const { transport } = this.#crew ?? {};
    if (transport) await this.#crew!.together({ ...task }, () => sendBytes(transport, rowsToBytes(data)));
  }

  /** Lets the others make their trainers; with the reference's log-probabilities, if the loss has one. */
  async prepare(logps: ReferenceLogps | null): Promise<void> {
    await this.#together("prepare", async () => {
      const { transport } = this.#crew!;
      for (const values of logps === null ? [] : [logps.chosen, logps.rejected]) {
        await sendBytes(transport, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      }
    });
  }

  /** Takes a step beside the others. */
  async advance(trainer: RowTrainer): Promise<void> {
    if (!this.#crew) return await trainer.advance();
    await this.#together("step", () => trainer.advance());
  }

  /** Shares what each rank has found of the reference of rejected answers. */
  async share(trainer: RowTrainer): Promise<void> {
    await this.#together("share", () => trainer.shareRejectedLogps());
  }

  /** Runs `save`, which reads the state's bytes of all ranks. */
  async saving(save: (transfer: StateTransfer) => Promise<void>): Promise<void> {
    if (!this.#crew) return await save(ownState(this.#device));
    const { transport } = this.#crew;
    await this.#together("save", () => save(rankedState(this.#device, transport)));
  }

  /** Runs `load`, which gives each rank its part of a state, after `step` steps and `tokens` tokens. */
  async loading<T>({ done, tokens }: { done: number; tokens: number }, load: (transfer: StateTransfer) => Promise<T>) {
    if (!this.#crew) return await load(ownState(this.#device));
    const { transport } = this.#crew;
    return await this.#crew.together(
      { task: "load", done, tokens },
      () => load(rankedState(this.#device, transport)),
    );
  }

  /** Lets the others free what they hold. */
  async end(): Promise<void> {
    if (this.#crew?.isBroken) return;
    await this.#together("end", () => Promise.resolve());
  }

  /** The reference, which the others score with beside this rank. */
  sharedScorer(scorer: Scorer, { dir, files, settings: { quantization } }: OptimizeTask): Scorer {
    return this.#crew === null
      ? scorer
      : { ...scorer, shared: { crew: this.#crew, place: { dir, files, quantization } } };
  }

  async #together(task: OptimizeWord, work: () => Promise<void>): Promise<void> {
    await this.#crew?.together({ task }, work);
  }
}
