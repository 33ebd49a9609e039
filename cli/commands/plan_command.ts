/** `dnpo plan`. @module */
import { loadConfig, type ResolvedConfig } from "../../core/config/config.ts";
import { counted } from "../../core/counted.ts";
import { openToolDevice } from "../../core/device/run_device.ts";
import { UserError } from "../../core/error.ts";
import { MEMORY_PARTS } from "../../core/model/memory_parts.ts";
import { type CardPlan, planCards, USABLE_SHARE } from "../../core/plan/card_plans.ts";
import { planRun } from "../../core/plan/plan_run.ts";
import type { RunPlan } from "../../core/plan/plan_types.ts";
import type { Device } from "../../kernels/device/device.ts";
import { USUAL_BUFFER_BYTES } from "../../kernels/device/usual_gpu.ts";
import { formatBytes, formatCount, formatScaled } from "../format_units.ts";
import { freeMemory } from "../free_memory.ts";
import { sayJson, sayText } from "../print.ts";
import { formatDuration, Progress } from "../progress_line.ts";
import { describeRanks, ranksLine } from "../ranks_text.ts";
import { formatTable, outputColumns } from "../text_table.ts";
import { withConfigPaths } from "./_quickstart.ts";

/** The arguments of `dnpo plan`. */
export interface PlanFlags {
  /** Config file; undefined for the embedded quick start. */
  config: string | undefined;
  /** `key=value` overrides in the order given. */
  set: string[];
  /** Bytes of the device's memory, if given. */
  memory: number | undefined;
  /** Whether the device's speed is measured. */
  time: boolean;
  /** Whether the plan is one for cards of usual sizes, whatever this machine has. */
  cards: boolean;
  /** Ranks that work together; undefined for one process. */
  ranks: number | undefined;
  /** Bits per second of the link between ranks, if given. */
  link: number | undefined;
  /** Whether the plan is printed as JSON. */
  json: boolean;
}

/** Prints what a config's run will take. Returns 1 if it does not fit the device, or no card. */
export async function plan(options: PlanFlags): Promise<number> {
  checkTogether(options);
  const { config: path, set } = withConfigPaths(options);
  const config = await loadConfig(path, { set });
  if (options.cards) return await printCards(config, options);
  const device = await openToolDevice(config);
  const progress = new Progress();
  try {
    const memory = options.memory ?? systemMemory(device);
    const found = await planRun(config, {
      device,
      time: options.time,
      ...(memory !== undefined && { memory }),
      ...(options.ranks !== undefined &&
        { ranks: { count: options.ranks, ...(options.link && { links: [options.link] }) } }),
      onProgress: (event) => progress.update(event),
      onNote: (line) => progress.note(line),
    });
    progress.finish();
    const adapter = device.info.description || device.info.device || "unnamed";
    if (options.json) sayJson({ ...found, device: adapter, memory: memory ?? null });
    else sayText(...describePlan(found, { adapter, memory, columns: outputColumns() }));
    return found.advice.length > 0 ? 1 : 0;
  } finally {
    progress.finish();
    device.destroy();
  }
}

/** Throws a UserError for flags of which one leaves the other without a meaning. */
function checkTogether({ cards, memory, ranks, link }: PlanFlags): void {
  if (cards && memory !== undefined) {
    throw new UserError(
      "Cannot plan with --memory and --cards: --memory is for one device, --cards for several; leave one out",
    );
  }
  if (cards && ranks !== undefined) {
    throw new UserError(
      "Cannot plan with --ranks and --cards: --ranks takes this machine's device, --cards takes others; leave one out",
    );
  }
  if (link !== undefined && ranks === undefined) {
    throw new UserError("Cannot plan with --link alone: it lies between ranks, expected --ranks too");
  }
}

/** Prints on which cards a config's run fits. Returns 1 if it fits none. */
async function printCards(config: ResolvedConfig, { json }: PlanFlags): Promise<number> {
  const progress = new Progress();
  try {
    const { plan, cards } = await planCards(config, {
      onProgress: (event) => progress.update(event),
      onNote: (line) => progress.note(line),
    });
    progress.finish();
    if (json) sayJson({ ...plan, cards, buffer_bytes: USUAL_BUFFER_BYTES });
    else sayText(...describeCards(plan, { cards, hasLora: config.lora !== undefined, columns: outputColumns() }));
    return cards.some(({ set }) => set !== null) ? 0 : 1;
  } finally {
    progress.finish();
  }
}

/** Available bytes of the system's memory if the device is a CPU; undefined if the device has memory of its own. */
function systemMemory({ family }: Device): number | undefined {
  return family === "cpu" ? freeMemory() : undefined;
}

/** The lines of a plan. */
function describePlan(
  plan: RunPlan,
  { adapter, memory, columns = Infinity }: { adapter: string; memory: number | undefined; columns?: number },
): string[] {
  const { stages } = plan;
  const parts = MEMORY_PARTS.filter((part) => stages.some((stage) => stage.parts[part]));
  const cell = (bytes: number | undefined): string => bytes ? formatBytes(bytes) : "";
  const time = (seconds: number | null): string => seconds === null ? "" : formatDuration(seconds);
  const fits = plan.advice.length === 0;
  return [
    ...describeRun(plan),
    `Device      ${adapter}${memory === undefined ? "" : `, ${formatBytes(memory)} to use`}`,
    ...(plan.ranks ? [ranksLine(plan.ranks)] : []),
    "",
    plan.ranks ? "Device memory of a rank at most" : "Device memory at most",
    ...formatTable(
      ["", ...stages.map(({ stage }) => stage)],
      [
        ...parts.map((part) => [part, ...stages.map((stage) => cell(stage.parts[part]))]),
        ["total", ...stages.map(({ bytes }) => bytes === null ? "does not fit" : formatBytes(bytes))],
      ],
      { columns },
    ).split("\n"),
    "",
    plan.ranks ? "Work of all iterations, of all ranks together" : "Work of all iterations",
    ...formatTable(
      ["", "runs", "tokens", "FLOP", ...(plan.speed ? ["time, about"] : [])],
      [
        ...stages.map((stage) => [
          stage.stage,
          stage.times,
          formatCount(stage.tokens),
          formatScaled(stage.flop, ""),
          ...(plan.speed ? [time(stage.seconds)] : []),
        ]),
        [
          "total",
          "",
          formatCount(plan.tokens),
          formatScaled(plan.flop, ""),
          ...(plan.speed ? [time(plan.seconds)] : []),
        ],
      ],
      { columns },
    ).split("\n"),
    "",
    ...(plan.ranks ? [...describeRanks(plan.ranks, columns), ""] : []),
    ...(plan.speed
      ? [
        `The time is an estimate, by matrix products of this model's sizes, which were measured here (${
          formatScaled(plan.speed.forward, "FLOP/s")
        } forward), and for responses as long as the data's.`,
        "The memory is that of the longest responses possible.",
      ]
      : []),
    ...plan.uncounted.map((line) => `Not counted: ${line}.`),
    ...(fits
      ? [
        memory === undefined
          ? "Fits the device's limits on buffers. The device does not say how much memory it has: compare, or give --memory."
          : "Fits.",
      ]
      : plan.advice.flatMap(({ stage, problem, change }) => [
        `Does not fit: ${stage}: ${readable(problem)}`,
        change
          ? `  with --set ${change.set.join(" --set ")} it takes ${formatBytes(change.bytes)}`
          : `  a smaller model, ${stage === "optimize" ? "data.max_length" : "generation.batch_size"} or ${
            stage === "optimize" ? "training.optim=rmsprop" : "data.max_length"
          } needs less`,
      ])),
  ];
}

/** The lines about the model, the data and the run. */
function describeRun({ model, data, noiseParameters, ...plan }: RunPlan): string[] {
  const sample = data.tokenized < data.rows ? ` (a sample of ${formatCount(data.tokenized)} was tokenized)` : "";
  return [
    `Model       ${model.path}: ${model.type}, ${formatCount(model.parameters)} parameters${
      noiseParameters > 0 ? `, and ${formatCount(noiseParameters)} of the noise generator` : ""
    }`,
    `Data        ${data.path}: ${counted(data.rows, "row")}${sample}, ${data.promptTokens.toFixed(0)} + ${
      data.responseTokens.toFixed(0)
    } tokens on average (prompt + answer)`,
    `            half of the rows have at most ${formatCount(data.rowTokens.p50)}, 99 % ${
      formatCount(data.rowTokens.p99)
    }, the longest ${formatCount(data.rowTokens.max)}`,
    ...lossesOf(data),
    `Run         ${counted(plan.iterations, "iteration")} of ${
      plan.stepsAreAtMost
        ? `at most ${counted(plan.steps, "optimizer step")}: labeling drops pairs of equal answers`
        : counted(plan.steps, "optimizer step")
    }`,
  ];
}

/** A line about rows that are left out or cut; none if there are none. */
function lossesOf({ tokenized, malformed, dropped, cut }: RunPlan["data"]): string[] {
  const parts = [
    malformed > 0 ? `${formatCount(malformed)} malformed left out` : "",
    dropped > 0 ? `${formatCount(dropped)} of ${formatCount(tokenized)} dropped` : "",
    cut > 0 ? `${counted(cut, "answer")} of ${counted(tokenized, "row")} cut at data.max_length` : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? [] : [`            ${parts.join(", ")}: dnpo data shows which, and what a limit costs`];
}

/** The lines of a plan for cards. */
function describeCards(
  plan: RunPlan,
  { cards, hasLora, columns }: { cards: readonly CardPlan[]; hasLora: boolean; columns: number },
): string[] {
  const remedy = (set: readonly string[] | null): string =>
    set === null ? "does not fit" : set.length === 0 ? "fits as it is" : set.map((item) => `--set ${item}`).join(" ");
  return [
    ...describeRun(plan),
    `Cards       ${
      percent(USABLE_SHARE)
    } of a card's memory are used (a GB being 10⁹ bytes); buffers and bindings of up to ${
      formatBytes(USUAL_BUFFER_BYTES)
    }`,
    "            are assumed, as usual GPUs have, whatever this machine has",
    "",
    ...formatTable(
      ["card", "to use", "takes", "fits, or with the change that costs least"],
      cards.map(({ gigabytes, memory, bytes, set }) => [
        `${gigabytes} GB`,
        formatBytes(memory),
        bytes === null ? "" : formatBytes(bytes),
        remedy(set),
      ]),
      { text: [0, 3], columns },
    ).split("\n"),
    ...plan.uncounted.map((line) => `Not counted: ${line}.`),
    ...(cards.some(({ set }) => set === null) && !hasLora
      ? ["With lora in the config, adapters alone are trained, in a quarter to a fifth of the memory."]
      : []),
  ];
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function readable(problem: string): string {
  return problem.replace(/\b(\d{5,}) bytes|\b(\d{7,})\b/g, (_, a, b) => formatBytes(Math.round(Number(a ?? b))));
}
