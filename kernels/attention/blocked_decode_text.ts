/**
 * The WGSL of a GPU's attention of one new token per row over a KV cache, for one head size.
 *
 * A workgroup takes a group of query heads of one row that share a head of k and v, and walks over the keys, BLOCK at a
 * time. For the scores SHARE lanes take a key, each a part of it, and all heads of the group: a key is read once.
 * For the sums the lanes stand in teams, a lane for each 4 or 8 elements of a head: a team takes every TEAMS-th key of the block
 * with an online softmax of its own, `top{g}`, `sum{g}` and `out{g}_{s}_{i}`. At the end the teams' sums are combined. A
 * lane holds a few numbers of each head, whatever the head size is.
 *
 * With a `chunk` a row's keys are cut into parts of as many, counted from position 0, each a workgroup's. It then writes
 * the sums as they are, and with them `top` and `sum`, for decode_parts.wgsl to combine.
 *
 * @module
 */
import { unroll } from "../unroll.ts";
import {
  decodeDeclarations,
  decodeEntry,
  type DecodeShape,
  decodeWidth,
  groupOfRow,
  roundsInto,
} from "./attention_decode_text.ts";
import { LOWEST, MASKED, wgslNumber } from "./attention_text.ts";
import { entryElements } from "./cache_text.ts";
import { partVectors } from "./decode_parts.ts";

/** Lanes of a workgroup. */
export const DECODE_LANES = 128;
/** Lanes that share a key's scores. */
const SHARE = 4;
/** Keys of a block. */
const BLOCK: number = DECODE_LANES / SHARE;
/** Query heads of a workgroup at most, and elements of them. */
const MOST_HEADS = 8;
const MOST_ELEMENTS = 1024;

/** The most query heads that a workgroup takes: what a lane holds, and workgroup memory, bound them. */
export function decodeHeads(headDim: number): number {
  return Math.min(MOST_HEADS, Math.floor(MOST_ELEMENTS / headDim));
}

/** The whole text. It overwrites out and, if it rotates, k and v at (slot, position). */
export function blockedDecodeText(shape: DecodeShape): string {
  const { group, headDim, rotates, scale, chunk } = shape;
  const splits = chunk !== undefined;
  const width = decodeWidth(shape);
  const vectors = headDim / width;
  const per = decodeEntry(shape) / width;
  // However keys are stored, a lane takes as much at a time as an entry of 16-bit numbers has: so the sums' order is one.
  const unit = vectors % 2 === 0 ? entryElements("bf16", { headDim, width }) / width : 1;
  const units = vectors / unit;
  const members = Math.min(units, DECODE_LANES);
  const teams = Math.min(BLOCK, Math.floor(DECODE_LANES / members));
  const slots = Math.ceil(units / DECODE_LANES);
  const heads = (text: (g: number) => string): string => unroll(group, text);
  const sums = (text: (g: number, s: number, i: number) => string): string =>
    heads((g) => unroll(slots, (s) => unroll(unit, (i) => text(g, s, i))));
  const read = (cache: "k" | "v", at: string): string =>
    unroll(unit / per, (j) => {
      const entry = `(${at}) * ${unit / per}u + ${j}u`;
      const stored = `${cache}_cache[(cache_row + key * p.kv_heads) * ENTRIES + ${entry}]`;
      const load = rotates
        ? `var entry${j} = new_${cache}[${entry}];
        if (key < place) {
          entry${j} = ${stored};
        }`
        : `let entry${j} = ${stored};`;
      return load + unroll(per, (i) => `\nlet v${j * per + i} = ${i === 0 ? "first" : "second"}(entry${j});`, "");
    });
  const outAt = (g: number): string =>
    splits ? `(((index - p.first) * p.parts + part) * GROUP + ${g}u) * PART` : `(index * GROUP + ${g}u) * N`;
  return `${decodeDeclarations(shape)}
${splits ? `const PART = ${partVectors(headDim, width)}u; // V of a part of a head` : ""}
const PER = ${per}u; // V of an entry
const UNIT = ${unit}u; // V that a lane takes at a time
const UNITS = ${units}u; // of a head
const BLOCK = ${BLOCK}u;
const SHARE = ${SHARE}u;
const TEAMS = ${teams}u;
const SCALE = ${wgslNumber(scale)};

var<workgroup> q: array<V, ${group * vectors}>;
var<workgroup> shares: array<array<f32, LANES>, GROUP>;
var<workgroup> scores: array<array<f32, BLOCK>, GROUP>;
var<workgroup> tops: array<array<f32, TEAMS>, GROUP>;
var<workgroup> sums: array<array<f32, TEAMS>, GROUP>;
var<workgroup> partial: array<V, LANES>;
${rotates ? newEntries(per) : ""}
@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32, id: Workgroup) {
  ${groupOfRow("q_at", splits)}
  ${
    splits
      ? `let start_of_part = max(begin, part * ${chunk}u);
  let last = min(place, part * ${chunk}u + ${chunk - 1}u);
  if (start_of_part > last) {
    return;
  }`
      : "let start_of_part = begin;\n  let last = place;"
  }
  for (var d = lane; d < GROUP * N; d += LANES) {
    q[d] = ${rotates ? "rotated(q_at + d / N * N, d % N, place * N)" : "qkv[q_at + d]"} * SCALE;
  }
  ${rotates ? storeNew(shape) : ""}
  let team = lane / ${members}u;
  let member = lane % ${members}u;
  ${heads((g) => `var top${g} = ${LOWEST};\nvar sum${g} = 0.0;`)}
  ${sums((g, s, i) => `var out${g}_${s}_${i} = V(0.0);`)}
  workgroupBarrier();
  for (var start = start_of_part; start <= last; start += BLOCK) {
    {
      let key = min(start + lane / SHARE, last);
      ${heads((g) => `var share${g} = 0.0;`)}
      for (var u = lane % SHARE; u < UNITS; u += SHARE) {
        ${read("k", "u")}
        ${heads((g) => unroll(unit, (i) => `share${g} += product(q[${g * vectors}u + u * UNIT + ${i}u], v${i});`))}
      }
      ${heads((g) => `shares[${g}][lane] = share${g};`)}
    }
    workgroupBarrier();
    for (var e = lane; e < GROUP * BLOCK; e += LANES) {
      let g = e / BLOCK;
      let key = e % BLOCK;
      let score = ${unroll(SHARE, (i) => `shares[g][key * SHARE + ${i}u]`, " + ")};
      scores[g][key] = select(${MASKED}, score, start + key <= last);
    }
    workgroupBarrier();
    if (team < TEAMS) {
      ${
    heads((g) =>
      `{
        var new_top = top${g};
        for (var i = team; i < BLOCK; i += TEAMS) {
          new_top = max(new_top, scores[${g}][i]);
        }
        let shrink = exp(top${g} - new_top);
        top${g} = new_top;
        sum${g} *= shrink;
        ${unroll(slots, (s) => unroll(unit, (i) => `out${g}_${s}_${i} *= shrink;`))}
      }`
    )
  }
      for (var i = team; i < BLOCK && start + i <= last; i += TEAMS) {
        let key = start + i;
        ${heads((g) => `let weight${g} = exp(scores[${g}][i] - top${g});\nsum${g} += weight${g};`)}
        ${
    unroll(slots, (s) => {
      const at = `member + ${s * DECODE_LANES}u`;
      return `{
          ${read("v", units % members === 0 ? at : `min(${at}, UNITS - 1)`)}
          ${heads((g) => unroll(unit, (i) => `out${g}_${s}_${i} += weight${g} * v${i};`))}
        }`;
    })
  }
      }
    }
  }
  if (team < TEAMS && member == 0) {
    ${heads((g) => `tops[${g}][team] = top${g};\nsums[${g}][team] = sum${g};`)}
  }
  ${
    heads((g) =>
      `{
    workgroupBarrier();
    var top_all = ${LOWEST};
    for (var i = 0u; i < TEAMS; i++) {
      top_all = max(top_all, tops[${g}][i]);
    }
    var sum_all = 0.0;
    for (var i = 0u; i < TEAMS; i++) {
      sum_all += sums[${g}][i] * exp(tops[${g}][i] - top_all);
    }
    let scale = exp(top${g} - top_all);
    ${splits ? `if (lane == 0) {\n      ${keepTop(`${outAt(g)} + N`, width)}\n    }` : ""}
    ${
        unroll(slots, (s) =>
          unroll(unit, (i) => `
    workgroupBarrier();
    partial[lane] = out${g}_${s}_${i} * scale;
    workgroupBarrier();
    if (team == 0 && member + ${s * DECODE_LANES}u < UNITS) {
      var total = V(0.0);
      for (var i = 0u; i < TEAMS; i++) {
        total += partial[i * ${members}u + member];
      }
      out[${outAt(g)} + (member + ${s * DECODE_LANES}u) * UNIT + ${i}u] = total${splits ? "" : " / sum_all"};
    }`))
      }
  }`
    )
  }
}
`;
}

/** Writes what a part is rescaled by. */
function keepTop(at: string, width: 1 | 4): string {
  return width === 4
    ? `out[${at}] = V(top_all, sum_all, 0.0, 0.0);`
    : `out[${at}] = top_all;\n      out[${at} + 1u] = sum_all;`;
}

/** Workgroup memory for the token's own k and v, and the function that rotates. */
function newEntries(per: number): string {
  return `var<workgroup> new_k: array<Entry, ENTRIES>;
var<workgroup> new_v: array<Entry, ENTRIES>;

// V d of the head that begins at \`at\`, rotated by the table's line that begins at \`line\`.
fn rotated(at: u32, d: u32, line: u32) -> V {
  let i = d % (N / 2);
  let other = qkv[at + (d + N / 2) % N];
  return qkv[at + d] * table[line + i] + select(other, -other, d < N / 2) * table[line + N / 2 + i];
}
fn new_entry_k(at: u32, e: u32, line: u32) -> Entry {
  return entry_of(${unroll(per, (i) => `rotated(at, e * PER + ${i}u, line)`, ", ")});
}
fn new_entry_v(at: u32, e: u32) -> Entry {
  return entry_of(${unroll(per, (i) => `qkv[at + e * PER + ${i}u]`, ", ")});
}
`;
}

/** Makes the entries of the token's own k and v; of the workgroups that share them one stores them. */
function storeNew(shape: DecodeShape): string {
  const overflow = `if (is_infinite(own_k) || is_infinite(own_v)) { overflow[0] = 1u; }`;
  return `let k_at = q_at + (p.heads - head + kv_head) * N;
  for (var e = lane; e < ENTRIES; e += LANES) {
    let own_k = new_entry_k(k_at, e, place * N);
    let own_v = new_entry_v(k_at + p.kv_heads * N, e);
    new_k[e] = own_k;
    new_v[e] = own_v;
    if (head % per_kv == 0${shape.chunk === undefined ? "" : " && last == place"}) {
      let at = (cache_row + place * p.kv_heads) * ENTRIES + e;
      k_cache[at] = own_k;
      v_cache[at] = own_v;
      ${roundsInto(shape) ? overflow : ""}
    }
  }`;
}
