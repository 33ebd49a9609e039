// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl, attention/decode_parts.ts (generated)

// Combines the parts that attention_decode leaves of rows whose keys are split among workgroups: the largest score of
// all, and the parts' sums rescaled by it, in the order of the keys. Overwrites out. One lane for each V.

override LANES: u32 = 64;

struct Params {
  first: u32, // group of the first part; groups are of query heads that share a workgroup
  groups: u32,
  group: u32, // query heads of a group
  heads: u32,
  parts: u32,
  chunk: u32, // keys of a part
  window: u32,
  vectors: u32, // V of a head
  size: u32, // V of a part of a head: its sums, top and sum
}

@group(0) @binding(0) var<storage, read_write> out: array<V>; // [rows, heads, vectors]
@group(0) @binding(1) var<storage, read> partial: array<V>; // [groups, parts, group, V of a part]
@group(0) @binding(2) var<storage, read> position: array<u32>; // [rows]
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let item = group_index(id.group, id.groups) * LANES + local.x;
  if (item >= p.groups * p.group * p.vectors) {
    return;
  }
  let d = item % p.vectors;
  let own = item / p.vectors; // head of the dispatch
  let head = p.first * p.group + own; // of all rows
  let place = position[head / p.heads];
  let begin = select(0u, place + 1 - min(p.window, place + 1), p.window > 0);
  let first_part = begin / p.chunk;
  let last_part = place / p.chunk;
  let at = (own / p.group * p.parts * p.group + own % p.group) * p.size;
  var top = top_of(at + first_part * p.group * p.size);
  for (var part = first_part + 1; part <= last_part; part++) {
    top = max(top, top_of(at + part * p.group * p.size));
  }
  var sum = 0.0;
  var total = V(0.0);
  for (var part = first_part; part <= last_part; part++) {
    let start = at + part * p.group * p.size;
    let share = exp(top_of(start) - top);
    sum += sum_of(start) * share;
    total += partial[start + d] * share;
  }
  out[head * p.vectors + d] = total / sum;
}
