// before: vector_{scalar|vec4}.wgsl, norm/row_sum_{shared|subgroup}.wgsl, device/invocation.wgsl

// RMSNorm backward to the input: with i = inv_rms[r],
// dx[r, c] = i * weight[c] * dy[r, c] - x[r, c] * i^3 * mean_j(weight[j] * dy[r, j] * x[r, j]).
// Overwrites dx, or adds to it if accumulate is 1 (the residual path). One workgroup for each row.
// `columns` counts V; any sizes.

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
  var sum = V();
  for (var c = lane; c < p.columns; c += LANES) {
    sum += weight[c] * dy[base + c] * x[base + c];
  }
  let inv = inv_rms[row];
  let pull = row_sum(total(sum), lane) / f32(p.columns * WIDTH) * inv * inv * inv;
  for (var c = lane; c < p.columns; c += LANES) {
    var d = inv * weight[c] * dy[base + c] - pull * x[base + c];
    if (p.accumulate == 1) {
      d += dx[base + c];
    }
    dx[base + c] = d;
  }
}
