/** Quantizes matrices on the device. @module */
import source from "./quantize.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel, type Kernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import type { SourcePart } from "../device/source.ts";
import { elementLanes } from "../vector.ts";
import {
  type CodedStorage,
  NF4_LEVELS,
  QUANTIZED,
  type QuantizedStorage,
  type Storage,
  STORAGE_FACTS,
} from "./storage.ts";
import { FROM_HALVES, readerPart } from "./storage_text.ts";

/** Storage types that can be quantized. */
export type QuantizeSource = Exclude<Storage, CodedStorage>;

const UNIFORMS = { columns: "u32", groups: "u32", row_groups: "u32", first_group: "u32", mark: "u32" } as const;

type QuantizeKernel = Kernel<"codes" | "stored_scales" | "bad" | "x", typeof UNIFORMS>;

const kernels = new Map<string, QuantizeKernel>();

/** Buffers and sizes of {@linkcode quantize}. */
export interface Quantize {
  /** Output: codes of a matrix, of which the rows from `firstRow` on are overwritten. */
  data: Slice;
  /** Output: their scales. */
  scales: Slice;
  /** How they are stored. */
  storage: QuantizedStorage;
  /** u32 [1]: set to `mark` if a number is not finite, or too large for its scale. */
  bad: Slice;
  mark: number;
  /** [rows, columns], stored as `sourceStorage` says. */
  x: Slice;
  sourceStorage: QuantizeSource;
  firstRow: number;
  rows: number;
  columns: number;
}

/**
 * Records the codes and scales of rows. The scale of a group is made first, as it is stored, from the first number w of
 * the largest size: |w| / 127 (`int8`), w / −8 (`int4`), |w| (`nf4`). A code is the nearest to number / scale: of two,
 * `int8` has the even one, `int4` the larger, `nf4` the smaller. The last group of a row may be short: it is filled up
 * with zeros. The bits are the same on every device.
 */
export function quantize(commands: Commands, call: Quantize): void {
  const { data, scales, storage, bad, mark, x, sourceStorage, firstRow, rows, columns } = call;
  const { group, scaleBytes } = STORAGE_FACTS[storage];
  const rowGroups = Math.ceil(columns / group);
  const [firstGroup, groups] = [firstRow * rowGroups, rows * rowGroups];
  const wordGroups = 4 / scaleBytes;
  const span = wordGroups * group / 8;
  // A multiple of `span`; with one subgroup alone, CPUs were slower.
  const lanes = Math.max(elementLanes(commands.device), 64);
  // A word of scales that other rows share is counted too.
  const words = Math.ceil((firstGroup + groups) / wordGroups) - Math.floor(firstGroup / wordGroups);
  commands.dispatch(kernelFor(storage, sourceStorage), {
    buffers: { codes: data, stored_scales: scales, bad, x },
    uniforms: { columns, groups, row_groups: rowGroups, first_group: firstGroup, mark },
    workgroups: grid(commands.device, Math.ceil(words * span / lanes)),
    constants: { LANES: lanes },
  });
}

function kernelFor(storage: QuantizedStorage, sourceStorage: QuantizeSource): QuantizeKernel {
  const key = `${storage} ${sourceStorage}`;
  let kernel = kernels.get(key);
  if (!kernel) {
    kernel = defineKernel({
      name: `quantize ${key}`,
      code: [
        readerPart(sourceStorage),
        constantsOf(storage, sourceStorage),
        INVOCATION,
        { name: "kernels/storage/quantize.wgsl", text: source },
      ],
      bindings: { codes: "readWrite", stored_scales: "readWrite", bad: "readWrite", x: "read" },
      uniforms: UNIFORMS,
    });
    kernels.set(key, kernel);
  }
  return kernel;
}

function constantsOf(storage: QuantizedStorage, sourceStorage: QuantizeSource): SourcePart {
  const { bits, group, scaleBytes } = STORAGE_FACTS[storage];
  const middles = NF4_LEVELS.slice(1).map((level, i) => (level + NF4_LEVELS[i]!) / 2);
  return {
    name: "kernels/storage/quantize.ts (generated)",
    text: `${QUANTIZED.map((name, i) => `const ${name.toUpperCase()} = ${i}u;`).join("\n")}
const KIND = ${storage.toUpperCase()};
const BITS = ${bits}u;
const GROUP = ${group}u;
const EIGHTS = GROUP / 8u; // lanes of a group
const SPAN = WORD_GROUPS * EIGHTS; // lanes of the groups whose scales are in one word
const WORD_GROUPS = ${4 / scaleBytes}u; // groups whose scales are in one word
const ZERO = ${storage === "int4" ? 8 : 0}u; // code of a group of zeros
const MIDDLES = array<f32, 15>(${middles.map((middle) => middle.toPrecision(17)).join(", ")});
${sourceStorage === "f16" ? "" : FROM_HALVES}
fn scale_value(stored: u32) -> f32 {
  return ${scaleBytes === 4 ? "bitcast<f32>(stored)" : "from_halves(vec4u(stored, 0u, 0u, 0u)).x"};
}
`,
  };
}
