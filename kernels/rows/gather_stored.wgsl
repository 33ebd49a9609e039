// before: storage/storage_text.ts (generated), device/invocation.wgsl

// Gathers rows of a stored matrix as float32: out[r, c] = x[index[r] - first, c] for the r whose index is within
// [first, first + window). Overwrites those rows of out and leaves the others; several windows cover an x larger than
// one binding. One workgroup for each row. `stride` is the number of elements from one row of x to the next; any sizes.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  first: u32,
  window: u32,
  stride: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<f32>; // [rows, columns]
@group(0) @binding(1) var<storage, read> x: array<u32>; // [window, stride], as stored
@group(0) @binding(2) var<storage, read> index: array<u32>; // [rows]
@group(0) @binding(3) var<storage, read> scales: array<u32>; // one for each group of x
@group(0) @binding(4) var<uniform> p: Params;

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
    out[row * p.columns + c] = element_at(source * p.stride + c);
  }
}
