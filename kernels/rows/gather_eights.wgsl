// before: storage/storage_text.ts (generated), device/invocation.wgsl

// Gathers rows as gather_stored.wgsl does, of which a lane reads eight numbers at a time, so that it reads each word
// and each scale for them once. `columns` and `stride` are multiples of 8.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  first: u32,
  window: u32,
  stride: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<vec4f>; // [rows, columns]
@group(0) @binding(1) var<storage, read> x: array<EightCodes>; // [window, stride], as stored
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
  for (var c = 8 * local.x; c < p.columns; c += 8 * LANES) {
    let eight = eight_at(source * p.stride + c);
    let at = (row * p.columns + c) / 4;
    out[at] = low(eight);
    out[at + 1] = high(eight);
  }
}
