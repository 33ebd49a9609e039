// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// Adds rows up by index (the backward pass of gather_rows): dx[t, c] = sum of dy[r, c] over the entries r of t,
// entries[starts[t]] .. entries[starts[t + 1] - 1], in their order.
// Overwrites all rows of dx; a row without entries becomes 0. One workgroup for each row, or z that share its columns.
// `columns` counts V; any sizes.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
}

@group(0) @binding(0) var<storage, read_write> dx: array<V>; // [rows, columns]
@group(0) @binding(1) var<storage, read> starts: array<u32>; // [rows + 1]
@group(0) @binding(2) var<storage, read> entries: array<u32>; // [starts[rows]]
@group(0) @binding(3) var<storage, read> dy: array<V>; // [starts[rows], columns]
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let row = group_index(id.group, id.groups);
  if (row >= p.rows) {
    return;
  }
  let first = starts[row];
  let end = starts[row + 1];
  for (var c = id.group.z * LANES + local.x; c < p.columns; c += LANES * id.groups.z) {
    var sum = V();
    for (var e = first; e < end; e++) {
      sum += dy[entries[e] * p.columns + c];
    }
    dx[row * p.columns + c] = sum;
  }
}
