/** Runs a stage, and explains what to change if memory runs out or the device is lost. @module */
import { DeviceError } from "../../kernels/device/device_error.ts";
import type { IterationConfig } from "../config/config.ts";
import type { RunContext } from "../run/run_context.ts";
import type { Step } from "./schedule.ts";

/**
 * Runs a stage's work, in a telemetry span of its own, and ends its progress. If memory runs out or the device is lost,
 * throws a DeviceError that names the stage and what to change, and says that saved work stays.
 */
export async function runStage<T>(
  context: RunContext,
  { stage, settings }: Pick<Step, "stage" | "settings">,
  work: () => Promise<T>,
): Promise<T> {
  const { iteration } = settings;
  try {
    const result = await context.telemetry.span(stage, { iteration }, work);
    // So that each stage has the memory that was planned for it alone, and its peak is its own.
    context.commands.release();
    context.device.peakBytes = context.device.bytes;
    await context.onStageEnd();
    return result;
  } catch (error) {
    const isHost = error instanceof RangeError &&
      /allocation failed|invalid array (buffer )?length/i.test(error.message);
    if (!isHost && !(error instanceof DeviceError && error.kind !== "other")) throw error;
    const { message } = error as Error;
    const what = isHost ? `the process is out of memory (${message})` : message[0]!.toLowerCase() + message.slice(1);
    const lost = error instanceof DeviceError && error.kind === "lost";
    const why = lost ? " (its driver resets it where one step takes too long, or memory is short)" : "";
    throw new DeviceError(
      `Cannot go on with ${stage} of iteration ${iteration}: ${what}${why}; what is saved in ${context.config.output_dir} ` +
        `stays, and the same command goes on from there; ${remedy(stage, settings, { lost })} needs less`,
      lost ? "lost" : "memory",
    );
  }
}

/** The setting to change so that a stage needs less memory and, where the device was lost, no more time. */
function remedy(
  stage: Step["stage"],
  { training, generation, data }: IterationConfig,
  { lost }: { lost: boolean },
): string {
  const { per_device_train_batch_size: size, gradient_accumulation_steps: steps } = training;
  const recomputes = training.gradient_checkpointing !== false;
  if (stage === "optimize" && !lost && !recomputes) return "training.gradient_checkpointing=true";
  if (stage === "optimize" && size > 1) {
    return `training.per_device_train_batch_size below ${size}, with gradient_accumulation_steps above ${steps} to match,`;
  }
  if (stage === "benchmark") return "evaluate.batch_tokens set, or set lower,";
  if ((stage === "generate" || stage === "evaluate") && generation.batch_size > 1) {
    return `generation.batch_size below ${generation.batch_size}`;
  }
  return `data.max_length below ${data.max_length}, in another output_dir,`;
}
