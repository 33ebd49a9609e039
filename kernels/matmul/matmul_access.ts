/** How a product reads and writes its buffers; strides, sizes and the ends of the buffers decide it. @module */
import type { Device } from "../device/device.ts";
import { fitsImage } from "../device/scratch_image.ts";
import type { Slice } from "../device/slice.ts";
import { isQuantized, STORAGE_FACTS } from "../storage/storage.ts";
import type { MatmulSizes } from "./matmul_choice.ts";
import type { MatmulPlan } from "./matmul_plan.ts";
import { spanOf, stepOf } from "./matmul_span.ts";
import type { MatmulAccess } from "./matmul_text.ts";

/** The operands, and the elements from one stored row of each matrix to the next. */
export interface MatmulLayout {
  a: Slice;
  b: Slice;
  lda: number;
  ldb: number;
  ldc: number;
  /** Elements before the first of each matrix in its buffer. */
  aFirst: number;
  bFirst: number;
  cFirst: number;
}

/** The access of a product, and the bytes of a and b up to the end of the last read. */
export function accessFor(
  device: Device,
  { mode, m, n, k, bType = "f32" }: Omit<MatmulSizes, "mode"> & { mode: MatmulAccess["mode"] },
  { plan, a, b, lda, ldb, ldc, aFirst, bFirst, cFirst, placed }: MatmulLayout & { plan: MatmulPlan; placed: boolean },
): { access: MatmulAccess; aBytes: number; bBytes: number } {
  const [acrossA, alongB] = [mode === "TN" || mode === "TT", mode === "NT" || mode === "TT"];
  const spanA = { rows: acrossA ? k : m, columns: acrossA ? m : k, stride: lda, first: aFirst };
  const aBytes = bytesOf({ ...spanA, bits: 32 });
  const spanB = { rows: alongB ? n : k, columns: alongB ? k : n, stride: ldb, first: bFirst };
  const { bits } = STORAGE_FACTS[bType];
  const bSpan = plan.spans && isQuantized(bType) && mode === "NT" ? spanOf(bType, [ldb, bFirst]) : 0;
  const wideBytes = bytesOf({ ...spanB, bits, per: bSpan || 8 });
  const bWide = plan.wide && ldb % 8 === 0 && bFirst % 8 === 0 && wideBytes <= b.size;
  const bBytes = bWide ? wideBytes : bytesOf({ ...spanB, bits });
  const aVec = lda % 4 === 0 && aFirst % 4 === 0 && aBytes <= a.size;
  const bVec = ldb % 4 === 0 && bFirst % 4 === 0 && bBytes <= b.size;
  const hasTexels = bType === "f32" ? bVec : bWide && (!isQuantized(bType) || bSpan > 0 || plan.deals);
  const access: MatmulAccess = {
    mode,
    turned: plan.turned,
    bType,
    aVec,
    bVec,
    bWide,
    bSpan: bWide ? bSpan : 0,
    aImage: plan.image && plan.imageOfA && aVec && fitsImage(device, a, aBytes),
    bImage: plan.image && hasTexels && fitsImage(device, b, bBytes),
    cVec: plan.writesFour && (plan.turned ? m : n) % 4 === 0 && ldc % 4 === 0 && cFirst % 4 === 0,
    levels: bType === "nf4" ? plan.levels : "select",
    placed,
    // Weight gradients sum over tokens, whose number varies: one text serves every number.
    ragged: mode === "TN" || k % (!bWide || mode !== "NT" ? 4 : bSpan > 0 ? stepOf(bSpan, plan.rows) : 8) !== 0,
  };
  return { access, aBytes, bBytes };
}

/** Bytes of an operand up to the end of its last read, if its rows are read `per` elements at once. */
function bytesOf(
  { rows, columns, stride, first, bits, per = 4 }: {
    rows: number;
    columns: number;
    stride: number;
    first: number;
    bits: number;
    per?: number;
  },
): number {
  return Math.max(0, first + (rows - 1) * stride + Math.ceil(columns / per) * per) * bits / 8;
}
