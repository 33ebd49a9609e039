/** What a run will take, before anything is loaded: parameters, device memory, tokens, FLOP, time. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { ResolvedConfig } from "../config/config.ts";
import { checkPrecision } from "../device/check_precision.ts";
import { openToolDevice } from "../device/run_device.ts";
import type { Step } from "../loop/schedule.ts";
import { checkJudging, checkSteps } from "../loop/schedule_checks.ts";
import type { OnProgress } from "../progress.ts";
import { measureSpeed } from "./device_speed.ts";
import { modelCost } from "./flops.ts";
import { isAlone, type OpenedPlan, openPlan } from "./open_plan.ts";
import type { RunPlan, StagePlan } from "./plan_types.ts";
import { Planner } from "./planner.ts";
import { rankSettings } from "./rank_settings.ts";
import { LINKS, planRanks } from "./ranks_plan.ts";
import { measureStaging } from "./staging_speed.ts";

/** The ranks to plan for. */
export interface RanksOptions {
  /** How many, a power of two. */
  count: number;
  /** Links between them in bits per second (default: 1, 10 and 100 Gbit/s). */
  links?: readonly number[];
}

/** How a plan is made. */
export interface PlanOptions {
  /** The device that the run will use (default: the machine's). */
  device?: Device;
  /** Bytes of its memory, if known. */
  memory?: number;
  /** Whether the device's speed is measured (default true). */
  time?: boolean;
  /** Ranks that train together, one device each. */
  ranks?: RanksOptions;
  /** Gets the progress of downloads, if the config names something on the hub. */
  onProgress?: OnProgress;
  /** Gets lines worth reading. */
  onNote?: (line: string) => void;
}

/**
 * Plans `train` with this config, or `optimize` if it names pairs and no data. Throws UserError as the run would.
 *
 * @example
 * ```ts
 * import { loadConfig, planRun } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const config = await loadConfig("examples/quickstart/config.yaml");
 * const { bytes, stages, advice } = await planRun(config, { time: false });
 * assert.ok(bytes! > 0 && advice.length === 0);
 * assert.deepEqual(stages.map(({ stage }) => stage), ["generate", "optimize", "evaluate"]);
 * ```
 */
export async function planRun(config: ResolvedConfig, { device, ...options }: PlanOptions = {}): Promise<RunPlan> {
  if (device) return await planOn(device, config, options);
  using opened = await openToolDevice(config);
  return await planOn(opened, config, options);
}

async function planOn(
  device: Device,
  config: ResolvedConfig,
  { memory = Infinity, time = true, ranks: asked, ...told }: PlanOptions,
): Promise<RunPlan> {
  checkPrecision(device, config.training.precision);
  const ranks = asked && rankSettings(config, asked.count);
  const opened = await openPlan(config, told);
  const planner = new Planner({ ...opened, device, memory, ...(ranks && { ranks }) });
  await planSteps(planner, opened.stepsOf(config));
  const plan = await sumUp(planner, { config, opened, time: time ? device : null });
  if (!ranks) return plan;
  const trained = planner.stages.first("optimize", plan.speed);
  const staging = plan.speed && await measureStaging(device, ranks.gradientDtype);
  return {
    ...plan,
    ranks: trained && planRanks({ ...planner.training!, trained: trained.rehearsed.trained! }, {
      ranks,
      links: asked.links ?? LINKS,
      measured: staging && { seconds: trained.seconds!, staging },
    }),
  };
}

/** Plans steps one after the other. Throws UserError as the run would. */
export async function planSteps(planner: Planner, steps: readonly Step[]): Promise<void> {
  checkSteps(steps, {});
  await checkJudging(steps);
  for (const step of steps) await planner.plan(step);
}

/** The plan of all steps; `time` is the device whose speed is measured, null for a plan without times. */
export async function sumUp(
  planner: Planner,
  { config, opened: { folder }, time }: { config: ResolvedConfig; opened: OpenedPlan; time: Device | null },
): Promise<RunPlan> {
  const cost = modelCost(folder.config);
  const speed = time
    ? await measureSpeed(time, {
      config: folder.config,
      tokens: planner.batchTokens,
      slots: config.generation.batch_size,
    })
    : null;
  const stages = planner.stages.sums(speed);
  const sum = (value: (stage: StagePlan) => number): number => stages.reduce((total, s) => total + value(s), 0);
  return {
    model: {
      path: config.model!,
      type: folder.config.modelType,
      parameters: cost.parameters,
      dtype: folder.dtype,
    },
    noiseParameters: planner.noiseParameters,
    data: planner.data!,
    iterations: isAlone(config) ? 1 : config.iterations,
    steps: planner.steps,
    stepsAreAtMost: planner.stepsAreAtMost,
    stages,
    bytes: stages.some((s) => s.bytes === null) ? null : Math.max(...stages.map((s) => s.bytes!)),
    tokens: sum((s) => s.tokens),
    flop: sum((s) => s.flop),
    seconds: speed && sum((s) => s.seconds!),
    speed,
    advice: planner.stages.advice,
    uncounted: [
      ...planner.uncounted,
      ...(isAlone(config) || config.training.early_stopping_patience === undefined
        ? []
        : ["iterations that training.early_stopping_patience may leave out"]),
    ],
  };
}
