// before: device/invocation.wgsl

// One node of the tree of sums: sums[i] += others[i]; with `rounded` both are rounded to bfloat16 first.
// A number whose exponent is 0 counts as 0, before the sum and after it: whether a device keeps such small numbers is
// its own choice, and the host, which adds what comes from other processes, has to find the same bits.
// `count` counts fours of numbers. One lane for each four.

override LANES: u32 = 64;

struct Params {
  count: u32,
  rounded: u32,
}

@group(0) @binding(0) var<storage, read_write> sums: array<vec4u>; // [count], bits of f32
@group(0) @binding(1) var<storage, read> others: array<vec4u>; // [count], bits of f32
@group(0) @binding(2) var<uniform> p: Params;

fn without_tiny(bits: vec4u) -> vec4u {
  return select(bits, vec4u(0u), (bits & vec4u(0x7f800000u)) == vec4u(0u));
}

// To nearest even. The quiet bit keeps a NaN whose payload is in the dropped half from becoming infinity.
fn to_bfloat16(bits: vec4u) -> vec4u {
  let nearest = bits + vec4u(0x7fffu) + ((bits >> vec4u(16u)) & vec4u(1u));
  let nan = bits | vec4u(0x400000u);
  return select(nearest, nan, (bits & vec4u(0x7fffffffu)) > vec4u(0x7f800000u)) & vec4u(0xffff0000u);
}

fn summand(bits: vec4u) -> vec4f {
  let whole = without_tiny(bits);
  return bitcast<vec4f>(select(whole, to_bfloat16(whole), vec4<bool>(p.rounded == 1u)));
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let i = group_index(id.group, id.groups) * LANES + local.x;
  if (i >= p.count) {
    return;
  }
  sums[i] = without_tiny(bitcast<vec4u>(summand(sums[i]) + summand(others[i])));
}
