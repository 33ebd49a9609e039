/** Runs attention forward and backward for tests. @module */
import { attention, attentionBackward } from "../../../kernels/attention/attention.ts";
import type { MatmulPrecision } from "../../../kernels/device/precision.ts";
import type { DeviceFamily } from "../../../kernels/device/tuning.ts";
import { guarded, randomF32, readF32, release } from "../../_shared/device.ts";
import { type HeadSizes, pack, recorders, type RowLengths, upload } from "./_attention_batch.ts";

/** A batch, with its heads. */
export interface Case extends HeadSizes {
  rows: readonly RowLengths[];
  window?: number;
}

/** The data at the start of a longer buffer, as in one of a fixed capacity: what lies behind must not be read. */
function withTail(data: Float32Array<ArrayBuffer>, tail: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(data.length + tail).fill(NaN);
  out.set(data);
  return out;
}

/** Runs forward and, unless told otherwise, backward on the device. */
export async function run(
  { rows, heads, kvHeads, headDim, scale, window = 0 }: Case,
  { qkv, dout, family, precision = "float32", isBackward = true, tail = 20_000, older, rounds, pairs }: {
    qkv: Float32Array<ArrayBuffer>;
    dout: Float32Array<ArrayBuffer>;
    family: DeviceFamily;
    precision?: MatmulPrecision;
    isBackward?: boolean;
    /** Numbers after those of qkv and dout. */
    tail?: number;
    /** Rows of the batch that was in the buffers before (default: none was). */
    older?: readonly RowLengths[];
    rounds?: number;
    pairs?: number;
  },
): Promise<Record<"out" | "lse" | "dqkv", Float32Array>> {
  const commands = recorders[family];
  const packed = pack(rows);
  const { tileCount, ...batch } = upload(packed, commands, older && pack(older));
  const buffers = {
    qkv: guarded(withTail(qkv, tail), "qkv"),
    out: guarded(packed.tokens * heads * headDim, "out"),
    lse: guarded(packed.tokens * heads, "lse"),
    dqkv: guarded(qkv.length, "dqkv"),
    dout: guarded(withTail(dout, tail), "dout"),
    saved: guarded(packed.tokens * heads * 2, "saved"),
  };
  const sizes = { heads, kvHeads, headDim, ...(scale !== undefined && { scale }) };
  const options = {
    ...buffers,
    ...batch,
    tileCount,
    tokens: packed.tokens,
    ...sizes,
    window,
    ...(pairs !== undefined && { pairs }),
  };
  commands.inPrecision(precision, () => {
    attention(commands, options);
    if (isBackward) attentionBackward(commands, { ...options, ...(rounds !== undefined && { rounds }) });
  });
  commands.submit();
  const result = {
    out: await readF32(buffers.out),
    lse: await readF32(buffers.lse),
    dqkv: await readF32(buffers.dqkv),
  };
  await readF32(buffers.saved);
  release(...Object.values(buffers), ...Object.values(batch));
  return result;
}

/** Random q, k, v and gradient of the output. */
export function inputs({ rows, heads, kvHeads, headDim }: Case): Record<"qkv" | "dout", Float32Array<ArrayBuffer>> {
  const { tokens } = pack(rows);
  return {
    qkv: randomF32(tokens * (heads + 2 * kvHeads) * headDim, 1, 1.5),
    dout: randomF32(tokens * heads * headDim, 2),
  };
}
