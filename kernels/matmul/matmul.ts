/** Matrix products in float32; the second factor may be stored otherwise. @module */
import type { Commands } from "../device/commands.ts";
import type { MatmulPrecision } from "../device/precision.ts";
import { imagesOf } from "../device/scratch_image.ts";
import type { Slice } from "../device/slice.ts";
import type { Window } from "../window.ts";
import { isQuantized, STORAGE_FACTS, storedColumns } from "../storage/storage.ts";
import { accessFor, type MatmulLayout } from "./matmul_access.ts";
import { dispatchMatmul } from "./matmul_dispatch.ts";
import { isMatrix } from "./matmul_matrix_tile.ts";
import { matmulOnMatrices } from "./matmul_on_matrices.ts";
import { partsOf } from "./matmul_parts.ts";
import { type MatmulSizes, thinVariant } from "./matmul_choice.ts";
import { planFor } from "./matmul_plan.ts";
import { type MatmulVariant, type MatrixVariant, VARIANTS } from "./matmul_tiles.ts";
import type { MatmulAccess, MatmulMode } from "./matmul_text.ts";

export { fittingVariant, tileClass } from "./matmul_choice.ts";
export { matrixShape } from "./matmul_matrix_tile.ts";
export { isVariant, VARIANTS } from "./matmul_tiles.ts";
export type { MatmulMode, MatmulPrecision, MatmulVariant, MatrixVariant };

/** Buffers and sizes of {@linkcode matmul}. */
export interface Matmul extends MatmulSizes {
  /** Output, overwritten, or added to if `accumulate`: f32 [m, n]. */
  c: Slice;
  /** f32 [m, k], or [k, m] for TN. */
  a: Slice;
  /** [k, n], or [n, k] for NT, stored as `bType` says. */
  b: Slice;
  /** The scales of a quantized b. */
  scales?: Slice;
  /** Added to every row of c: f32 [n]. */
  bias?: Slice;
  /** Elements from one stored row of a to the next (default: its columns). */
  lda?: number;
  /** As `lda`, for b (default: as b is stored); must be even if b has 16 bits, whole groups if it is quantized. */
  ldb?: number;
  /** As `lda`, for c. */
  ldc?: number;
  /** Elements of a's buffer before its first (default 0). */
  aFirst?: number;
  /** As `aFirst`, for b; as `ldb` it must be even, or whole groups. */
  bFirst?: number;
  /** As `aFirst`, for c. */
  cFirst?: number;
  /** Factor of the product, before it is added to anything (default 1). */
  scale?: number;
  /** Whether to add to c instead of overwriting it (default false). */
  accumulate?: boolean;
}

/**
 * Records c (+)= scale · op(a)·op(b) (+ bias).
 *
 * All tiles of a family give the same c, bit for bit; for NN and NT a row of c does not depend on m either, and a b that
 * is stored otherwise gives the c of its numbers in f32; so do all tiles of a precision. What alone takes longer than a
 * submission should is several. Throws RangeError if a stride, the storage type or the precision does not fit.
 */
export function matmul(commands: Commands, given: Matmul): void {
  const call = { precision: commands.precision, ...given };
  const parts = partsOf(commands, call);
  if (parts.length === 1) return record(commands, call, { sizes: call });
  for (const part of parts) {
    record(commands, rowsOf(call, part), { sizes: call });
    commands.submit();
  }
}

/** Records {@linkcode matmul} with a given tile, for measuring and for tests. */
export function matmulBy(commands: Commands, variant: MatmulVariant, given: Matmul): void {
  const call = { precision: commands.precision, ...given };
  record(commands, call, { sizes: call, variant });
}

/** Some of the rows of c. */
function rowsOf(call: Matmul, { first, rows }: Window): Matmul {
  const { mode, m, n, k, lda = mode === "TN" ? m : k, ldc = n, aFirst = 0, cFirst = 0 } = call;
  return {
    ...call,
    m: rows,
    lda,
    ldc,
    aFirst: aFirst + first * (mode === "TN" ? 1 : lda),
    cFirst: cFirst + first * ldc,
  };
}

/** Records a product, or a part of one; the plan is that of all its rows, `sizes`. */
function record(
  commands: Commands,
  call: Matmul,
  { sizes, variant }: { sizes: MatmulSizes; variant?: MatmulVariant },
): void {
  const { mode, c, a, b, bias, m, n, k, accumulate = false, bType = "f32", precision = "float32" } = call;
  const { lda = mode === "TN" ? m : k, ldb = storedColumns(bType, mode === "NT" ? k : n), ldc = n } = call;
  const { aFirst = 0, bFirst = 0, cFirst = 0, scale = 1 } = call;
  check(call, { lda, ldb, ldc });
  if (m === 0 || n === 0) return;
  const given: Operands = { mode, a, b, m, n, k, bType, lda, ldb, aFirst, bFirst };
  if (precision !== "float32") {
    const product = { ...given, mode, bType, c, ldc, cFirst, bias, scale, accumulate, scales: call.scales };
    return matmulOnMatrices(commands, product, { sizes, precision, variant });
  }
  if (variant !== undefined && isMatrix(variant)) {
    throw new RangeError(
      `Cannot multiply: tile is ${variant} for float32, expected one of ${
        VARIANTS.filter((name) => !isMatrix(name)).join(", ")
      }`,
    );
  }
  const planned = planFor(commands.device, sizes, variant ?? thinVariant(commands.device, sizes));
  const plan = bType === "f32" ? planned : { ...planned, turned: false };
  const operands = plan.turned ? exchanged(given) : given;
  const placed = aFirst > 0 || bFirst > 0 || scale !== 1;
  const { access, aBytes, bBytes } = accessFor(commands.device, operands, { ...operands, plan, ldc, cFirst, placed });
  const images = imagesOf(commands, {
    ...access.aImage &&
      { a: { slice: operands.a, bytes: aBytes, format: "rgba32float", stride: 4 * operands.lda } },
    ...access.bImage && {
      b: {
        slice: operands.b,
        bytes: bBytes,
        format: bType === "f32" ? "rgba32float" : "rgba32uint",
        stride: operands.ldb * STORAGE_FACTS[bType].bits / 8,
      },
    },
  });
  dispatchMatmul(commands, {
    ...operands,
    plan,
    access,
    c,
    a: images.a ?? operands.a,
    b: images.b ?? operands.b,
    bias,
    other: b,
    scales: call.scales,
    ldc,
    cFirst,
    scale,
    accumulate,
  });
}

/** The factors of a product. */
interface Operands extends Omit<MatmulLayout, "ldc" | "cFirst">, Omit<MatmulSizes, "mode"> {
  mode: MatmulAccess["mode"];
}

/** The factors of cᵀ. */
function exchanged({ mode, a, b, m, n, lda, ldb, aFirst, bFirst, ...rest }: Operands): Operands {
  return {
    ...rest,
    mode: mode === "NN" ? "TT" : mode,
    a: b,
    b: a,
    m: n,
    n: m,
    lda: ldb,
    ldb: lda,
    aFirst: bFirst,
    bFirst: aFirst,
  };
}

function check(
  { mode, m, n, k, bType = "f32", bFirst = 0, scales }: Matmul,
  { lda, ldb, ldc }: Pick<MatmulLayout, "lda" | "ldb" | "ldc">,
): void {
  const strides = [["lda", lda, mode === "TN" ? m : k], ["ldb", ldb, mode === "NT" ? k : n], ["ldc", ldc, n]] as const;
  for (const [name, stride, columns] of strides) {
    if (stride < columns) {
      throw new RangeError(`Cannot multiply: ${name} is ${stride}, expected at least its ${columns} columns`);
    }
  }
  if (bType === "f32") return;
  const unit = isQuantized(bType) ? STORAGE_FACTS[bType].group : 2;
  if (mode === "TN" || ldb % unit !== 0 || bFirst % unit !== 0) {
    throw new RangeError(
      `Cannot multiply: mode is ${mode} with a b in ${bType} of stride ${ldb} from element ${bFirst} on, expected NN or NT and multiples of ${unit}`,
    );
  }
  if (isQuantized(bType) !== (scales !== undefined)) {
    throw new RangeError(`Cannot multiply: b is stored as ${bType}, expected ${isQuantized(bType) ? "" : "no "}scales`);
  }
}
