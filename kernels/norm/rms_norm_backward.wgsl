// before: vector_{scalar|vec4}.wgsl, norm/row_sum_{shared|subgroup}.wgsl, norm/row_sum.ts (generated), device/invocation.wgsl

// RMSNorm backward to the input: with i = inv_rms[r],
// dx[r, c] = i * weight[c] * dy[r, c] - x[r, c] * i^3 * mean_j(weight[j] * dy[r, j] * x[r, j]).
// Overwrites dx, or adds to it if accumulate is 1 (the residual path). One workgroup for each row.
// `columns` counts V; any sizes. A lane keeps its first KEPT numbers of x and of dy, and reads what wider rows have
// beyond them twice.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<storage, read_write> dx: array<V>; // [rows, columns]
@group(0) @binding(1) var<storage, read> inv_rms: array<f32>; // [rows]
@group(0) @binding(2) var<storage, read> x: array<V>; // [rows, columns]
@group(0) @binding(3) var<storage, read> weight: array<V>; // [columns]
@group(0) @binding(4) var<storage, read> dy: array<V>; // [rows, columns]
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let row = group_index(id.group, id.groups);
  if (row >= p.rows) {
    return;
  }
  let lane = local.x;
  let base = row * p.columns;
  var kept_x: array<V, max(KEPT, 1)>;
  var kept_dy: array<V, max(KEPT, 1)>;
  for (var i = 0u; i < KEPT; i++) {
    let c = lane + i * LANES;
    if (c < p.columns) {
      kept_x[i] = x[base + c];
      kept_dy[i] = dy[base + c];
    }
  }
  var sum = V();
  for (var i = 0u; i < KEPT; i++) {
    let c = lane + i * LANES;
    if (c < p.columns) {
      sum += weight[c] * kept_dy[i] * kept_x[i];
    }
  }
  for (var c = lane + KEPT * LANES; c < p.columns; c += LANES) {
    sum += weight[c] * dy[base + c] * x[base + c];
  }
  let inv = inv_rms[row];
  let pull = row_sum(total(sum), lane) / f32(p.columns * WIDTH) * inv * inv * inv;
  for (var i = 0u; i < KEPT; i++) {
    let c = lane + i * LANES;
    if (c < p.columns) {
      put(base + c, inv * weight[c] * kept_dy[i] - pull * kept_x[i]);
    }
  }
  for (var c = lane + KEPT * LANES; c < p.columns; c += LANES) {
    put(base + c, inv * weight[c] * dy[base + c] - pull * x[base + c]);
  }
}

fn put(at: u32, gradient: V) {
  var d = gradient;
  if (p.accumulate == 1) {
    d += dx[at];
  }
  dx[at] = d;
}
