/** The numbers of optimizer steps: gathered on the device, read once per logged step. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import { type Slice, SLICE_ALIGNMENT, subslice } from "../../kernels/device/slice.ts";
import { PREFERENCE_METRICS, type PreferenceMetric } from "../../kernels/loss/preference_loss.ts";

/** A metric's name. */
export type MetricName = PreferenceMetric | "grad_norm" | "noise/grad_norm";

/**
 * The metrics' names, each at its slot of a metrics row: what losses add to, then the norms of the gradients.
 *
 * @example
 * ```ts
 * import { METRIC_NAMES } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * assert.ok(METRIC_NAMES.includes("rewards/margins"));
 * ```
 */
export const METRIC_NAMES = [
  ...PREFERENCE_METRICS,
  "grad_norm",
  "noise/grad_norm",
] as const satisfies readonly MetricName[];

/** A metric's slot in a metrics row. */
export function metricSlot(name: MetricName): number {
  return METRIC_NAMES.indexOf(name);
}

/** The numbers of one optimizer step, by their names in docs/method.md. */
export type StepMetrics = Partial<Record<MetricName, number>>;

/** Rows of metrics on the device, one per pass, until they are read. */
export class MetricsRing {
  readonly #buffer: Slice;
  readonly #capacity: number;
  #used = 0;

  /** Allocates room for `capacity` rows between two reads. */
  constructor(device: Device, capacity: number) {
    this.#capacity = capacity;
    this.#buffer = device.alloc(capacity * SLICE_ALIGNMENT, "metrics");
  }

  /** Takes the next row and records zeroing it. Throws RangeError if all rows are taken since {@linkcode restart}. */
  next(commands: Commands): Slice {
    if (this.#used === this.#capacity) {
      throw new RangeError(`Cannot take a metrics row: all ${this.#capacity} are in use`);
    }
    const row = subslice(this.#buffer, this.#used++ * SLICE_ALIGNMENT, SLICE_ALIGNMENT);
    commands.clear(row);
    return row;
  }

  /** The rows taken since the last {@linkcode restart}, to be read. */
  get slice(): Slice {
    return subslice(this.#buffer, 0, Math.max(1, this.#used) * SLICE_ALIGNMENT);
  }

  /** Parses what was read of {@linkcode slice}: one record per row. */
  parse(bytes: ArrayBuffer): Record<MetricName, number>[] {
    const floats = new Float32Array(bytes);
    return Array.from({ length: this.#used }, (_, row) =>
      Object.fromEntries(
        METRIC_NAMES.map((name, slot) => [name, floats[row * SLICE_ALIGNMENT / 4 + slot]!]),
      ) as Record<MetricName, number>);
  }

  /** Begins again with the first row. */
  restart(): void {
    this.#used = 0;
  }

  /** Frees the buffer. */
  free(device: Device): void {
    device.free(this.#buffer);
  }
}

/** Metrics whose logged value is the last step's, not the mean since the last logged step. */
const LAST: readonly MetricName[] = ["grad_norm", "noise/grad_norm"];

/** Sums up the steps since the last logged line: means of their numbers, but the norms of the last step. */
export function meanMetrics(steps: readonly StepMetrics[]): StepMetrics {
  const out: StepMetrics = {};
  for (const name of METRIC_NAMES) {
    const values = steps.map((step) => step[name]).filter((value) => value !== undefined);
    if (values.length === 0) continue;
    out[name] = LAST.includes(name) ? values.at(-1)! : values.reduce((a, b) => a + b, 0) / values.length;
  }
  return out;
}
