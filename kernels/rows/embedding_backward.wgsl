// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// Embedding backward: dweight[id - first, c] += sum of dout[t, c] over the tokens t of that id,
// for the ids within [first, first + window); tokens[starts[u]] .. tokens[starts[u + 1] - 1] are those of ids[u].
// Adds to dweight, in the order of the tokens. One workgroup for each distinct id, or z that share its columns.
// `columns` counts V; any sizes.

override LANES: u32 = 64;

struct Params {
  count: u32,
  columns: u32,
  first: u32,
  window: u32,
}

@group(0) @binding(0) var<storage, read_write> dweight: array<V>; // [window, columns]
@group(0) @binding(1) var<storage, read> ids: array<u32>; // [count]
@group(0) @binding(2) var<storage, read> starts: array<u32>; // [count + 1]
@group(0) @binding(3) var<storage, read> tokens: array<u32>; // [starts[count]]
@group(0) @binding(4) var<storage, read> dout: array<V>; // [starts[count], columns]
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let u = group_index(id.group, id.groups);
  if (u >= p.count) {
    return;
  }
  let target_row = ids[u] - p.first;
  if (target_row >= p.window) {
    return;
  }
  let first = starts[u];
  let end = starts[u + 1];
  for (var c = id.group.z * LANES + local.x; c < p.columns; c += LANES * id.groups.z) {
    var sum = V();
    for (var e = first; e < end; e++) {
      sum += dout[tokens[e] * p.columns + c];
    }
    dweight[target_row * p.columns + c] += sum;
  }
}
