// before: vector_{scalar|vec4}.wgsl, norm/row_sum_{shared|subgroup}.wgsl, norm/row_sum.ts (generated), device/invocation.wgsl

// RMSNorm forward (Zhang & Sennrich 2019): y[r, c] = x[r, c] * inv_rms[r] * weight[c],
// inv_rms[r] = 1 / sqrt(mean_c(x[r, c]^2) + eps).
// Overwrites y, and inv_rms for the backward pass. One workgroup for each row. `columns` counts V; any sizes.
// A lane keeps its first KEPT numbers, and reads what a wider row has beyond them twice.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read_write> y: array<V>; // [rows, columns]
@group(0) @binding(1) var<storage, read_write> inv_rms: array<f32>; // [rows]
@group(0) @binding(2) var<storage, read> x: array<V>; // [rows, columns]
@group(0) @binding(3) var<storage, read> weight: array<V>; // [columns]
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let row = group_index(id.group, id.groups);
  if (row >= p.rows) {
    return;
  }
  let lane = local.x;
  let base = row * p.columns;
  var kept: array<V, max(KEPT, 1)>;
  for (var i = 0u; i < KEPT; i++) {
    let c = lane + i * LANES;
    if (c < p.columns) {
      kept[i] = x[base + c];
    }
  }
  var sum = V();
  for (var i = 0u; i < KEPT; i++) {
    sum += kept[i] * kept[i];
  }
  for (var c = lane + KEPT * LANES; c < p.columns; c += LANES) {
    let value = x[base + c];
    sum += value * value;
  }
  let inv = 1.0 / sqrt(row_sum(total(sum), lane) / f32(p.columns * WIDTH) + p.eps);
  if (lane == 0) {
    inv_rms[row] = inv;
  }
  for (var i = 0u; i < KEPT; i++) {
    let c = lane + i * LANES;
    if (c < p.columns) {
      y[base + c] = kept[i] * inv * weight[c];
    }
  }
  for (var c = lane + KEPT * LANES; c < p.columns; c += LANES) {
    y[base + c] = x[base + c] * inv * weight[c];
  }
}
