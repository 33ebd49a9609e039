// before: device/invocation.wgsl

// What the gradient on matrix units takes of each query besides the heads: its log-sum-exp, for powers of two, and the
// sum of dout · out over its head. ACROSS lanes have a row; they add up in a fixed order.

override LANES: u32 = 128;
override HEAD: u32 = 64; // a multiple of 4

const ACROSS = 16u;
const LOG2E = 1.4426950408889634;

struct Params {
  rows: u32,
}

@group(0) @binding(0) var<storage, read_write> saved: array<vec2f>; // [tokens, heads]
@group(0) @binding(1) var<storage, read> dout: array<vec4f>; // [tokens, heads, HEAD]
@group(0) @binding(2) var<storage, read> out: array<vec4f>; // [tokens, heads, HEAD]
@group(0) @binding(3) var<storage, read> lse: array<f32>; // [tokens, heads]
@group(0) @binding(4) var<uniform> p: Params;

var<workgroup> shares: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32, id: Workgroup) {
  let row = group_index(id.group, id.groups) * (LANES / ACROSS) + lane / ACROSS;
  let across = lane % ACROSS;
  var share = vec4f();
  if (row < p.rows) {
    for (var d = across; d < HEAD / 4u; d += ACROSS) {
      share = fma(dout[row * (HEAD / 4u) + d], out[row * (HEAD / 4u) + d], share);
    }
  }
  shares[lane] = (share.x + share.y) + (share.z + share.w);
  for (var half = ACROSS / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (across < half) {
      shares[lane] += shares[lane + half];
    }
  }
  if (across == 0u && row < p.rows) {
    saved[row] = vec2f(lse[row] * LOG2E, shares[lane]);
  }
}
