// before: vector_{scalar|vec4}.wgsl, norm/row_sum_{shared|subgroup}.wgsl, norm/row_sum.ts (generated), device/invocation.wgsl

// A residual and the RMSNorm of the sum: s[r, c] = a[r, c] + b[r, c], y[r, c] = s[r, c] * inv_rms[r] * weight[c],
// inv_rms[r] = 1 / sqrt(mean_c(s[r, c]^2) + eps).
// Overwrites s, y and inv_rms, all of which the backward pass reads. One workgroup for each row.
// `columns` counts V; any sizes. A lane keeps its first KEPT sums, and reads those that a wider row has beyond them.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read_write> s: array<V>; // [rows, columns]
@group(0) @binding(1) var<storage, read_write> y: array<V>; // [rows, columns]
@group(0) @binding(2) var<storage, read_write> inv_rms: array<f32>; // [rows]
@group(0) @binding(3) var<storage, read> a: array<V>; // [rows, columns]
@group(0) @binding(4) var<storage, read> b: array<V>; // [rows, columns]
@group(0) @binding(5) var<storage, read> weight: array<V>; // [columns]
@group(0) @binding(6) var<uniform> p: Params;

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
      kept[i] = a[base + c] + b[base + c];
      s[base + c] = kept[i];
    }
  }
  var squares = V();
  for (var i = 0u; i < KEPT; i++) {
    squares += kept[i] * kept[i];
  }
  for (var c = lane + KEPT * LANES; c < p.columns; c += LANES) {
    let value = a[base + c] + b[base + c];
    s[base + c] = value;
    squares += value * value;
  }
  let inv = 1.0 / sqrt(row_sum(total(squares), lane) / f32(p.columns * WIDTH) + p.eps);
  if (lane == 0) {
    inv_rms[row] = inv;
  }
  for (var i = 0u; i < KEPT; i++) {
    let c = lane + i * LANES;
    if (c < p.columns) {
      y[base + c] = kept[i] * inv * weight[c];
    }
  }
  // Each lane reads only what it wrote itself.
  for (var c = lane + KEPT * LANES; c < p.columns; c += LANES) {
    y[base + c] = s[base + c] * inv * weight[c];
  }
}
