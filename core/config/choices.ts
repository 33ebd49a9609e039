/** The words that a config's keys accept: the schema, the types and the command line use these lists. @module */
export type { DtypeName } from "../dtype.ts";

/** The methods. */
export const METHODS = ["sft", "dpo", "spin", "dnpo"] as const;

/** The name of a method, which is a preset of labels, noise and loss. */
export type Method = typeof METHODS[number];

/** The judges that an ensemble may have. */
export const MEMBER_JUDGES = ["verifier", "logprob", "reward-model", "llm", "self"] as const;

/** A judge that votes in an ensemble. */
export type MemberKind = typeof MEMBER_JUDGES[number];

/** The judges. */
export const JUDGES: readonly ["human", ...typeof MEMBER_JUDGES, "ensemble"] = ["human", ...MEMBER_JUDGES, "ensemble"];

/** Which judge tells chosen and rejected apart. `function` is one that the calling program gives, not a config file. */
export type JudgeKind = typeof JUDGES[number] | "function";

/**
 * The losses: those over pairs, and cross-entropy on the chosen response.
 *
 * @example
 * ```ts
 * import { LOSS_TYPES } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * assert.equal(LOSS_TYPES[0], "sigmoid");
 * ```
 */
export const LOSS_TYPES = ["sigmoid", "hinge", "ipo", "robust", "sft"] as const;

/** The name of a loss. */
export type LossType = typeof LOSS_TYPES[number];

/** The schedules of the learning rate: each name that a config may use, with the name that a resolved config has. */
export const SCHEDULES = {
  linear: "linear",
  cosine: "cosine",
  constant: "constant",
  constant_with_warmup: "constant",
} as const;

/** A schedule of the learning rate in a resolved config. */
export type Schedule = typeof SCHEDULES[keyof typeof SCHEDULES];

/** The optimizers: each name that a config may use, with the name that a resolved config has. */
export const OPTIMIZERS = { adamw: "adamw", adamw_torch: "adamw", rmsprop: "rmsprop" } as const;

/** An optimizer in a resolved config. */
export type Optimizer = typeof OPTIMIZERS[keyof typeof OPTIMIZERS];
