// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// Adds up a matmul's partial sums: c[i, j] (+)= ((partial[0, i, j] + partial[1, i, j]) + ...) (+ bias[j]), in the order
// that dispatches of one block of k after another would give.
// Overwrites c, or adds to it if accumulate is 1. One lane for each V; `columns`, `stride` and `first`, where c begins in
// its buffer, count V. Any sizes.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  stride: u32,
  blocks: u32,
  accumulate: u32,
  add_bias: u32,
  first: u32,
}

@group(0) @binding(0) var<storage, read_write> c: array<V>; // [rows, columns], rows stride apart
@group(0) @binding(1) var<storage, read> partial: array<V>; // [blocks, rows, columns]
@group(0) @binding(2) var<storage, read> bias: array<V>; // [columns] if add_bias is 1
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let index = group_index(id.group, id.groups) * LANES + local.x;
  let size = p.rows * p.columns;
  if (index >= size) {
    return;
  }
  let column = index % p.columns;
  let at = p.first + index / p.columns * p.stride + column;
  var sum = partial[index];
  if (p.accumulate != 0) {
    sum = c[at] + sum;
  }
  for (var block = 1u; block < p.blocks; block++) {
    sum += partial[block * size + index];
  }
  if (p.add_bias != 0) {
    sum += bias[column];
  }
  c[at] = sum;
}
