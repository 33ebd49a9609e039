// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// Gathers rows: out[r, c] = x[index[r] - first, c] for the r whose index is within [first, first + window).
// Overwrites those rows of out and leaves the others; several windows cover an x larger than one binding.
// One workgroup for each row. `columns` counts V; any sizes.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  first: u32,
  window: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<V>; // [rows, columns]
@group(0) @binding(1) var<storage, read> x: array<V>; // [window, columns]
@group(0) @binding(2) var<storage, read> index: array<u32>; // [rows]
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let row = group_index(id.group, id.groups);
  if (row >= p.rows) {
    return;
  }
  let source = index[row] - p.first;
  if (source >= p.window) {
    return;
  }
  for (var c = local.x; c < p.columns; c += LANES) {
    out[row * p.columns + c] = x[source * p.columns + c];
  }
}
