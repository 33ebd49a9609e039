/** How long an evaluation takes. @module */
import { DeviceError } from "../../kernels/device/device_error.ts";
import type { EvaluationWork, TaskWork } from "../evaluate/evaluation_work.ts";
import { BATCH_SIZE } from "../evaluate/generate_until.ts";
import { measureSpeed, type Speed } from "./device_speed.ts";
import { forwardFlop, modelCost } from "./flops.ts";

/** The tokens of a batch that the speed is measured with. */
const TOKENS = 1024;

/** About how many dispatches a layer has in a pass. */
const LAYER_DISPATCHES = 16;

/** The seconds that a task is expected to take. */
export interface TaskTime {
  work: TaskWork;
  /** Of answers, what they take if none ends before its limit; null where the device had no memory to measure with. */
  seconds: number | null;
}

/**
 * The expected times of all tasks, by the work's FLOP and rates measured on the device, which takes about a second; a
 * device that is full but for the evaluation itself is not measured. Throws DeviceError.
 */
export async function evaluationTimes({ device, config, tasks }: EvaluationWork): Promise<TaskTime[]> {
  const isLeft = tasks.some(({ requests }) => requests > 0);
  const sizes = { config, tokens: TOKENS, slots: BATCH_SIZE, backward: false };
  if (!isLeft) return tasks.map((work) => ({ work, seconds: 0 }));
  // What failed before is no matter of the measurement.
  await device.check();
  const speed = await measureSpeed(device, sizes).catch((error) => {
    if (error instanceof DeviceError && error.kind === "memory") return null;
    throw error;
  });
  const cost = modelCost(config);
  const seconds = ({ forward, decode }: TaskWork, speed: Speed): number => {
    const pass = config.numLayers * LAYER_DISPATCHES * speed.dispatch + speed.fence;
    return forwardFlop(cost, forward) / speed.forward + forwardFlop(cost, decode) / speed.decode +
      (forward.passes + decode.passes) * pass;
  };
  return tasks.map((work) => ({ work, seconds: speed === null ? null : seconds(work, speed) }));
}
