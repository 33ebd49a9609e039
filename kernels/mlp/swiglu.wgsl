// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// SwiGLU: act[t, i] = silu(gate) * up, silu(g) = g * sigmoid(g), gate = gate_up[t, i], up = gate_up[t, inner + i].
// Overwrites act. One lane for each element of a row; lanes take rows in strides of the grid's height.
// `inner` counts V; any sizes.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  inner: u32,
}

@group(0) @binding(0) var<storage, read_write> act: array<V>; // [rows, inner]
@group(0) @binding(1) var<storage, read> gate_up: array<V>; // [rows, 2 * inner]
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let i = id.group.x * LANES + local.x;
  if (i >= p.inner) {
    return;
  }
  for (var row = id.group.y; row < p.rows; row += id.groups.y) {
    let gate = gate_up[row * 2 * p.inner + i];
    let up = gate_up[row * 2 * p.inner + p.inner + i];
    // exp of a negative number cannot overflow.
    let e = exp(-abs(gate));
    act[row * p.inner + i] = gate * up * select(e, V(1.0), gate >= V()) / (1.0 + e);
  }
}
