// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// SwiGLU backward: with s = sigmoid(gate),
// dgate = dact * up * s * (1 + gate * (1 - s)), dup = dact * gate * s.
// Overwrites dgate_up. One lane for each element of a row; lanes take rows in strides of the grid's height.
// `inner` counts V; any sizes.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  inner: u32,
}

@group(0) @binding(0) var<storage, read_write> dgate_up: array<V>; // [rows, 2 * inner]
@group(0) @binding(1) var<storage, read> gate_up: array<V>; // [rows, 2 * inner]
@group(0) @binding(2) var<storage, read> dact: array<V>; // [rows, inner]
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let i = id.group.x * LANES + local.x;
  if (i >= p.inner) {
    return;
  }
  for (var row = id.group.y; row < p.rows; row += id.groups.y) {
    let at = row * 2 * p.inner + i;
    let gate = gate_up[at];
    let up = gate_up[at + p.inner];
    let d = dact[row * p.inner + i];
    // exp of a negative number cannot overflow.
    let e = exp(-abs(gate));
    let positive = gate >= V();
    let s = select(e, V(1.0), positive) / (1.0 + e);
    let complement = select(V(1.0), e, positive) / (1.0 + e);
    dgate_up[at] = d * up * s * (1.0 + gate * complement);
    dgate_up[at + p.inner] = d * gate * s;
  }
}
