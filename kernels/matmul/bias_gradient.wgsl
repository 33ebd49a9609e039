// before: vector_{scalar|vec4}.wgsl

// Column sums over blocks of rows: sums[b, c] (+)= sum over the rows r of block b of x[r, c].
// Overwrites sums, or adds to it if accumulate is 1. Rows are added in ascending order.
// One lane for each column and one row of workgroups for each block. `columns` counts V; any sizes.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  block_rows: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<storage, read_write> sums: array<V>; // [blocks, columns]
@group(0) @binding(1) var<storage, read> x: array<V>; // [rows, columns]
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u) {
  let c = group.x * LANES + local.x;
  if (c >= p.columns) {
    return;
  }
  let first = group.y * p.block_rows;
  let end = min(first + p.block_rows, p.rows);
  var sum = V();
  for (var r = first; r < end; r++) {
    sum += x[r * p.columns + c];
  }
  let at = group.y * p.columns + c;
  if (p.accumulate == 1) {
    sum += sums[at];
  }
  sums[at] = sum;
}
