/** The plans of stages: what their steps take, summed up, and what to change if a step does not fit. @module */
import type { Device } from "../../kernels/device/device.ts";
import { DeviceError } from "../../kernels/device/device_error.ts";
import type { Advice } from "./advice.ts";
import type { Speed } from "./device_speed.ts";
import type { PlannedStage, StagePlan } from "./plan_types.ts";
import { type Rehearsed, Rehearsing } from "./rehearse.ts";
import type { Work } from "./step_work.ts";

/** A step to plan. */
export interface PlannedStep {
  /** Steps of the stage with the same key take the same memory and dispatches. */
  key: string;
  rehearse: (stages: Rehearsing) => Promise<Rehearsed>;
  work: Work;
  /** Whether it is a part of the step before, which is counted already (default false). */
  isPart?: boolean;
  /** Looks for settings that fit into `memory` bytes. */
  advise?: (memory: number) => Promise<Pick<Advice, "change">>;
}

interface Entry {
  stage: PlannedStage;
  /** Null if the device's limits do not allow it. */
  rehearsed: Rehearsed | null;
  problem?: string;
  work: Work;
  isPart: boolean;
}

/** Steps that were rehearsed, by stage and key; those that a device's limits do not allow are errors. */
export type KnownSteps = Map<string, Rehearsed | DeviceError>;

const STAGES = ["generate", "label", "optimize", "evaluate"] as const;

/** Collects the steps of a run. */
export class StagePlans {
  /** What does not fit: the last problem of each stage. */
  readonly advice: Advice[] = [];
  readonly #device: Device;
  readonly #memory: number;
  readonly #recorded: "all" | "few";
  readonly #entries: Entry[] = [];
  readonly #known: KnownSteps;
  #rehearsing: Rehearsing;

  /** `known` gets what is rehearsed, and saves rehearsing what is in it. */
  constructor(device: Device, { memory, known, recorded }: {
    memory: number;
    known: KnownSteps;
    recorded: "all" | "few";
  }) {
    this.#device = device;
    this.#memory = memory;
    this.#known = known;
    this.#recorded = recorded;
    this.#rehearsing = new Rehearsing(device, { recorded });
  }

  /** Adds a step. It is rehearsed unless a step with the same key was before. */
  async add(stage: PlannedStage, { key, rehearse, work, isPart = false, advise }: PlannedStep): Promise<void> {
    const id = `${stage} ${key}`;
    const isNew = !this.#known.has(id);
    const rehearsed = this.#known.get(id) ?? await rehearse(this.#rehearsing).catch((error) => {
      if (!(error instanceof DeviceError)) throw error;
      // The failed stage has not freed its buffers.
      this.#rehearsing = new Rehearsing(this.#device, { recorded: this.#recorded });
      return error;
    });
    this.#known.set(id, rehearsed);
    const failed = rehearsed instanceof DeviceError;
    const tooLarge = !failed && rehearsed.bytes > this.#memory;
    if (isNew && (failed || tooLarge)) {
      const problem = failed
        ? rehearsed.message
        : `needs ${rehearsed.bytes} bytes of device memory, of which there are ${this.#memory}`;
      const remedy = await advise?.(this.#memory);
      const others = this.advice.filter((one) => one.stage !== stage);
      this.advice.splice(0, Infinity, ...others, { change: null, ...remedy, stage, problem });
    }
    this.#entries.push({
      stage,
      rehearsed: failed ? null : rehearsed,
      ...(failed && { problem: rehearsed.message }),
      work,
      isPart,
    });
  }

  /** What the first step of a stage takes, and its seconds; null if there is none, or the device's limits do not allow it. */
  first(stage: PlannedStage, speed: Speed | null): { rehearsed: Rehearsed; seconds: number | null } | null {
    const entry = this.#entries.find((entry) => entry.stage === stage);
    return entry?.rehearsed ? { rehearsed: entry.rehearsed, seconds: speed && secondsOf(entry, speed) } : null;
  }

  /** The stages with their sums. */
  sums(speed: Speed | null): StagePlan[] {
    return STAGES.flatMap((stage): StagePlan[] => {
      const entries = this.#entries.filter((entry) => entry.stage === stage);
      if (entries.length === 0) return [];
      const sum = (value: (entry: Entry) => number): number => entries.reduce((total, e) => total + value(e), 0);
      const fits = entries.every((entry) => entry.rehearsed !== null);
      const largest = entries.reduce((a, b) => (b.rehearsed?.bytes ?? 0) > (a.rehearsed?.bytes ?? 0) ? b : a);
      const problem = entries.find((entry) => entry.problem !== undefined)?.problem;
      return [{
        stage,
        times: entries.filter(({ isPart }) => !isPart).length,
        bytes: fits ? largest.rehearsed!.bytes : null,
        parts: Object.fromEntries(largest.rehearsed?.parts ?? []),
        ...(problem !== undefined && { problem }),
        tokens: Math.round(sum(({ work }) => work.tokens)),
        flop: sum(({ work }) => work.forward + work.backward + work.decode),
        seconds: speed && sum((entry) => secondsOf(entry, speed)),
      }];
    });
  }
}

function secondsOf({ work, rehearsed }: Pick<Entry, "work" | "rehearsed">, speed: Speed): number {
  return work.forward / speed.forward + work.backward / speed.backward + work.decode / speed.decode +
    (rehearsed?.dispatches ?? 0) * speed.dispatch + (rehearsed?.fences ?? 0) * speed.fence;
}
