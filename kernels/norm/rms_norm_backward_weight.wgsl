// before: vector_{scalar|vec4}.wgsl

// RMSNorm backward to the weight, first stage: partials[b, c] = sum over the rows r of block b of
// dy[r, c] * x[r, c] * inv_rms[r]. Overwrites partials; bias_gradient.wgsl then adds their sums to dweight.
// One lane for each column and one row of workgroups for each block. `columns` counts V; any sizes.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  block_rows: u32,
}

@group(0) @binding(0) var<storage, read_write> partials: array<V>; // [blocks, columns]
@group(0) @binding(1) var<storage, read> inv_rms: array<f32>; // [rows]
@group(0) @binding(2) var<storage, read> x: array<V>; // [rows, columns]
@group(0) @binding(3) var<storage, read> dy: array<V>; // [rows, columns]
@group(0) @binding(4) var<uniform> p: Params;

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
    sum += dy[r * p.columns + c] * x[r * p.columns + c] * inv_rms[r];
  }
  partials[group.y * p.columns + c] = sum;
}
