/** Packed batches for attention tests, and attention in plain float64. @module */
import { type AttentionSegment, attentionTile, attentionTiles } from "../../../kernels/attention/attention.ts";
import { Commands } from "../../../kernels/device/commands.ts";
import { Device } from "../../../kernels/device/device.ts";
import type { Slice } from "../../../kernels/device/slice.ts";
import type { DeviceFamily } from "../../../kernels/device/tuning.ts";
import { device, guarded } from "../../_shared/device.ts";

/** A recorder for each family of kernels, with the subgroups that the device has. */
export const recorders: Readonly<Record<DeviceFamily, Commands>> = { cpu: recorder("cpu"), gpu: recorder("gpu") };

function recorder(family: DeviceFamily): Commands {
  const { gpu, info, subgroupSize } = device;
  return new Commands(new Device(gpu, { info, family, subgroupSize }));
}

/** A row: one run of tokens, or a prompt (first) with the responses that continue it. */
export type RowLengths = readonly number[];

/** Sizes of heads. */
export interface HeadSizes {
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Factor on the scores, 1/√headDim by default. */
  scale?: number;
}

/** The host's description of a packed batch. */
export interface Packed {
  tokens: number;
  segments: AttentionSegment[];
  position: Uint32Array<ArrayBuffer>;
  layout: Uint32Array<ArrayBuffer>;
}

/** Packs rows end to end. */
export function pack(rows: readonly RowLengths[]): Packed {
  const segments: AttentionSegment[] = [];
  const position: number[] = [];
  const layout: number[] = [];
  let at = 0;
  for (const [prompt, ...responses] of rows) {
    const start = at;
    const promptEnd = start + prompt!;
    const rowEnd = promptEnd + responses.reduce((sum, n) => sum + n, 0);
    segments.push({ start, end: promptEnd });
    for (; at < promptEnd; at++) {
      position.push(at - start);
      layout.push(start, start, start, rowEnd);
    }
    for (const length of responses) {
      const from = at;
      segments.push({ start: from, end: from + length });
      for (; at < from + length; at++) {
        position.push(prompt! + at - from);
        layout.push(from, start, promptEnd, from + length);
      }
    }
  }
  return { tokens: at, segments, position: Uint32Array.from(position), layout: Uint32Array.from(layout) };
}

/** The device's copy of a packed batch; `older` has left what lies behind it in the buffers. */
export function upload(
  packed: Packed,
  { device }: Commands,
  older?: Packed,
): { position: Slice; layout: Slice; tiles: Slice; tileCount: number } {
  const tilesOf = ({ segments }: Packed) => attentionTiles(segments, attentionTile(device));
  const before = (own: Uint32Array<ArrayBuffer>, others = new Uint32Array()) =>
    Uint32Array.from([...own, ...others.subarray(own.length)]);
  const tiles = tilesOf(packed);
  return {
    position: guarded(before(packed.position, older?.position), "position"),
    layout: guarded(before(packed.layout, older?.layout), "layout"),
    tiles: guarded(before(tiles, older && tilesOf(older)), "tiles"),
    tileCount: tiles.length / 2,
  };
}

/** Whether query t sees key j. */
function sees({ position, layout }: Packed, t: number, j: number, window: number): boolean {
  const [segment, prefix, prefixEnd] = layout.subarray(4 * t, 4 * t + 3) as unknown as [number, number, number];
  const reachable = (j >= prefix && j < prefixEnd) || (j >= segment && j <= t);
  return reachable && (window === 0 || position[t]! - position[j]! < window);
}

/** Attention and, given dout, its gradient, by the textbook formulas. */
export function reference(
  packed: Packed,
  qkv: ArrayLike<number>,
  { heads, kvHeads, headDim, scale = 1 / Math.sqrt(headDim), window, dout }: HeadSizes & {
    window: number;
    dout?: ArrayLike<number>;
  },
): { out: Float64Array; lse: Float64Array; dqkv: Float64Array } {
  const { tokens } = packed;
  const columns = (heads + 2 * kvHeads) * headDim;
  const out = new Float64Array(tokens * heads * headDim);
  const lse = new Float64Array(tokens * heads);
  const dqkv = new Float64Array(tokens * columns);
  for (let t = 0; t < tokens; t++) {
    for (let h = 0; h < heads; h++) {
      const kv = Math.floor(h / (heads / kvHeads));
      const q = t * columns + h * headDim;
      const o = (t * heads + h) * headDim;
      const keys = Array.from({ length: t + 1 }, (_, j) => j).filter((j) => sees(packed, t, j, window));
      const k = keys.map((j) => j * columns + (heads + kv) * headDim);
      const v = keys.map((j) => j * columns + (heads + kvHeads + kv) * headDim);
      const dot = (x: ArrayLike<number>, at: number, y: ArrayLike<number>, from: number): number => {
        let sum = 0;
        for (let d = 0; d < headDim; d++) sum += x[at + d]! * y[from + d]!;
        return sum;
      };
      const scores = k.map((at) => scale * dot(qkv, q, qkv, at));
      const top = Math.max(...scores);
      lse[t * heads + h] = top + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - top), 0));
      const weights = scores.map((s) => Math.exp(s - lse[t * heads + h]!));
      for (let d = 0; d < headDim; d++) out[o + d] = weights.reduce((sum, w, i) => sum + w * qkv[v[i]! + d]!, 0);
      if (!dout) continue;
      const delta = dot(dout, o, out, o);
      for (let i = 0; i < keys.length; i++) {
        const dscore = weights[i]! * (dot(dout, o, qkv, v[i]!) - delta) * scale;
        for (let d = 0; d < headDim; d++) {
          dqkv[q + d]! += dscore * qkv[k[i]! + d]!;
          dqkv[k[i]! + d]! += dscore * qkv[q + d]!;
          dqkv[v[i]! + d]! += weights[i]! * dout[o + d]!;
        }
      }
    }
  }
  return { out, lse, dqkv };
}
