/** Settings of transformers' Trainer, which TRL, LLaMA-Factory and axolotl train with. @module */
import { UserError } from "../../error.ts";
import { type Optimizer, REPORT_TO, type Schedule } from "../choices.ts";
import { type ConfigDraft, shown } from "./config_draft.ts";
import type { ForeignSource } from "./foreign_source.ts";

/** The optimizers that give the numbers of one here. */
const SAME_OPTIMIZERS: Readonly<Record<string, Optimizer>> = {
  adamw: "adamw",
  adamw_torch: "adamw",
  adamw_torch_fused: "adamw",
  adamw_torch_xla: "adamw",
  adamw_torch_npu_fused: "adamw",
  adamw_hf: "adamw",
  adamw_apex_fused: "adamw",
  paged_adamw: "adamw",
  paged_adamw_32bit: "adamw",
  rmsprop: "rmsprop",
};

/** The optimizers that differ from one here by how their moments are stored. */
const ROUNDED_OPTIMIZERS: Readonly<Record<string, Optimizer>> = {
  adamw_8bit: "adamw",
  adamw_bnb_8bit: "adamw",
  adamw_torch_8bit: "adamw",
  adamw_torch_4bit: "adamw",
  paged_adamw_8bit: "adamw",
  ao_adamw_8bit: "adamw",
  ao_adamw_4bit: "adamw",
  rmsprop_bnb: "rmsprop",
  rmsprop_bnb_8bit: "rmsprop",
  rmsprop_bnb_32bit: "rmsprop",
};

const SCHEDULES: Readonly<Record<string, Schedule>> = {
  linear: "linear",
  cosine: "cosine",
  cosine_with_restarts: "cosine",
  constant: "constant",
  constant_with_warmup: "constant",
};

/** The schedules that differ from one here in where they end. */
const NEAR_SCHEDULES: Readonly<Record<string, { schedule: Schedule; text: string }>> = {
  polynomial: { schedule: "linear", text: "here linear ends at 0, where polynomial ends at lr_end" },
  cosine_with_min_lr: { schedule: "cosine", text: "here cosine ends at 0, not at the least learning rate" },
  cosine_warmup_with_min_lr: { schedule: "cosine", text: "here cosine ends at 0, not at the least learning rate" },
};

/** The error of a setting that decides what is trained and has no counterpart. */
export function noCounterpart(key: string, value: unknown, expected: string): UserError {
  return new UserError(`Cannot import ${key}: ${shown(value)} has no counterpart here, expected ${expected}`);
}

/** Takes the optimizer named by `key`. */
export function takeOptimizer(
  source: ForeignSource,
  draft: ConfigDraft,
  { key, fallback, program }: { key: string; fallback: string; program: string },
): void {
  const name = source.text(key);
  const word = name ?? fallback;
  const table = [SAME_OPTIMIZERS, ROUNDED_OPTIMIZERS].find((names) => Object.hasOwn(names, word));
  if (table === undefined) {
    const known = Object.keys({ ...SAME_OPTIMIZERS, ...ROUNDED_OPTIMIZERS });
    throw noCounterpart(key, word, `one of ${known.join(", ")}`);
  }
  if (table === ROUNDED_OPTIMIZERS) draft.differs(key, `${word} rounds its moments; here they are float32`);
  draft.set("training.optim", table[word], name === undefined ? { remark: `default of ${program}` } : {});
}

/** Takes the schedule named by `key`, with its warm-up as far as the schedule has one. */
export function takeSchedule(
  source: ForeignSource,
  draft: ConfigDraft,
  { key, fallback, program, warmupRatio = 0 }: {
    key: string;
    fallback: string;
    program: string;
    /** The share of the steps that are warm-up where nothing is said of it. */
    warmupRatio?: number;
  },
): void {
  const name = source.text(key);
  const word = name ?? fallback;
  const remark = name === undefined ? { remark: `default of ${program}` } : {};
  const warmup = takeWarmup(source);
  if (Object.hasOwn(NEAR_SCHEDULES, word)) {
    const { schedule, text } = NEAR_SCHEDULES[word]!;
    draft.set("training.lr_scheduler_type", schedule, remark);
    draft.differs(key, text);
  } else if (Object.hasOwn(SCHEDULES, word)) {
    draft.set("training.lr_scheduler_type", SCHEDULES[word], remark);
  } else {
    throw noCounterpart(key, word, `one of ${[...Object.keys(SCHEDULES), ...Object.keys(NEAR_SCHEDULES)].join(", ")}`);
  }
  takeScheduleArguments(source, draft, word);
  if (word === "constant") {
    draft.set("training.warmup_steps", 0, { remark: "constant has none there (constant_with_warmup has)" });
    if (warmup.steps + warmup.ratio > 0) draft.missing("warmup", "lr_scheduler_type constant has no warm-up there");
  } else if (warmup.ratio > 0 && warmup.steps === 0) draft.set("training.warmup_ratio", warmup.ratio);
  else if (!warmup.isSet && warmupRatio > 0) {
    draft.set("training.warmup_ratio", warmupRatio, { remark: `default of ${program}` });
  } else draft.setOr("training.warmup_steps", warmup.isSet ? warmup.steps : undefined, { fallback: 0, program });
}

/** The cycles that a schedule has there where nothing is said of them, and that it has here. */
const CYCLES: Readonly<Record<string, number>> = {
  cosine: 0.5,
  cosine_with_min_lr: 0.5,
  cosine_warmup_with_min_lr: 0.5,
  cosine_with_restarts: 1,
};

/** Takes what else a schedule is given there; of all of it, the usual number of cycles alone has a counterpart. */
function takeScheduleArguments(source: ForeignSource, draft: ConfigDraft, word: string): void {
  const key = "lr_scheduler_kwargs";
  const given = source.mapping(key);
  if (given === undefined) return;
  const usual = CYCLES[word];
  const cycles = usual === undefined ? undefined : given.number("num_cycles");
  if (cycles !== undefined && cycles !== usual) {
    const name = `${key}.num_cycles`;
    if (word === "cosine_with_restarts") throw noCounterpart(name, cycles, "1, which is cosine");
    draft.differs(name, `${cycles}: here cosine is half a cycle, down to 0, which is ${usual} there`);
  }
  for (const { key: name, value } of given.left()) {
    draft.missing(name, `${shown(value)}: here there is none: a schedule has no settings but its warm-up`);
  }
}

/** The warm-up: whole steps go before a share, and steps below 1 are a share. */
function takeWarmup(source: ForeignSource): { steps: number; ratio: number; isSet: boolean } {
  const [steps, ratio] = [source.number("warmup_steps"), source.number("warmup_ratio")];
  const isSet = steps !== undefined || ratio !== undefined;
  if (steps !== undefined && steps > 0 && steps < 1) return { steps: 0, ratio: steps, isSet };
  return { steps: Math.floor(steps ?? 0), ratio: ratio ?? 0, isSet };
}

/** Takes the settings that keep their names here; `defaults` are those of the other program. */
export function takeTrainer(
  source: ForeignSource,
  draft: ConfigDraft,
  { program, defaults }: { program: string; defaults: Readonly<Record<string, number>> },
): void {
  for (const [key, fallback] of Object.entries(defaults)) {
    draft.setOr(`training.${key}`, source.number(key), { fallback, program });
  }
  takeSchedule(source, draft, { key: "lr_scheduler_type", fallback: "linear", program });
  takeOptimizer(source, draft, { key: "optim", fallback: "adamw_torch_fused", program });
}

/** Takes how often numbers are logged and states are saved; shares of all steps have no counterpart. */
export function takeLogging(
  source: ForeignSource,
  draft: ConfigDraft,
  { program, logging, saving = 500 }: { program: string; logging: number; saving?: number },
): void {
  const steps = (key: "logging_steps" | "save_steps", fallback: number): void => {
    const value = source.number(key);
    const isCount = value === undefined || Number.isInteger(value) && value >= 1;
    if (!isCount) draft.missing(key, `${value} is a share of all steps, here it is a count`);
    draft.setOr(`training.${key}`, isCount ? value : undefined, { fallback, program });
  };
  steps("logging_steps", logging);
  steps("save_steps", saving);
  draft.setOr("training.save_total_limit", source.number("save_total_limit"), {
    fallback: 1,
    program: "dnpo, where only the states of the iteration at hand are kept",
  });
  const reports = source.texts("report_to", { commas: true });
  for (const key of ["run_name", "project"]) {
    const name = source.text(key);
    if (name !== undefined && name !== "") draft.set(`training.${key}`, name);
  }
  if (reports === undefined) return;
  const isAll = reports.includes("all");
  const known = REPORT_TO.filter((name) => reports.includes(name));
  draft.set("training.report_to", isAll ? "all" : known.length > 0 ? known : "none");
  const others = reports.filter((name) => !["none", "all", ...known].includes(name));
  if (others.length > 0) draft.missing("report_to", `${others.join(", ")}: here numbers go to ${REPORT_TO.join(", ")}`);
}
