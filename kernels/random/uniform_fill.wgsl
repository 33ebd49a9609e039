// before: random/philox.wgsl, device/invocation.wgsl

// Uniform numbers within +-bound: out[i] = (2 u - 1) * bound with u = (x + 0.5) * 2^-32, rounded to float64 and then to
// float32, the bits that a host with float64 gets. x is word j & 3 of Philox at counter (j / 4, 0, 0, 0), and
// j = 4 * first + skip + i. bound = mantissa * 2^exponent, the mantissa being a 53-bit integer.
// Overwrites out[0] .. out[count - 1]; skip is below 4. One lane for each block of four words.

override LANES: u32 = 64;

struct Params {
  count: u32,
  first: u32,
  skip: u32,
  key0: u32,
  key1: u32,
  mantissa_low: u32,
  mantissa_high: u32,
  exponent: i32,
}

@group(0) @binding(0) var<storage, read_write> out: array<u32>; // f32 bits, [count]
@group(0) @binding(1) var<uniform> p: Params;

// The bits of the float32 of one random word.
fn scaled(x: u32) -> u32 {
  // 2 u - 1 is an odd integer of 33 bits with its sign, times 2^-32.
  let negative = x < 0x80000000u;
  let a = select((x << 1u) | 1u, ~(x << 1u), negative);
  // Its product with the mantissa: at least 53 bits, at most 85.
  let low = a * p.mantissa_low;
  let middle = a * p.mantissa_high;
  let carry = philox_mul_hi(a, p.mantissa_low);
  var w1 = middle + carry;
  var w2 = philox_mul_hi(a, p.mantissa_high) + select(0u, 1u, w1 < carry);
  var w0 = low;
  // Shifted left until the first bit of the three words is set.
  var bits = 96;
  if (w2 == 0u) {
    w2 = w1;
    w1 = w0;
    w0 = 0u;
    bits = 64;
  }
  let zeros = countLeadingZeros(w2);
  if (zeros > 0u) {
    w2 = (w2 << zeros) | (w1 >> (32u - zeros));
    w1 = (w1 << zeros) | (w0 >> (32u - zeros));
    w0 = w0 << zeros;
    bits -= i32(zeros);
  }
  // To 53 bits, ties to even.
  let kept = w1 & 0xfffff800u;
  if ((w1 & 0x400u) != 0u && (((w1 & 0xbffu) | w0) != 0u)) {
    w1 = kept + 0x800u;
    if (w1 == 0u) {
      w2 += 1u;
      if (w2 == 0u) {
        w2 = 0x80000000u;
        bits += 1;
      }
    }
  } else {
    w1 = kept;
  }
  // To 24 bits, ties to even. A carry out of the fraction goes into the exponent, as it should.
  let up = (w2 & 0x80u) != 0u && (((w2 & 0x17fu) | w1) != 0u);
  let fraction = ((w2 >> 8u) & 0x7fffffu) + select(0u, 1u, up);
  let exponent = u32(bits - 33 + p.exponent + 127);
  return select(0u, 0x80000000u, negative) | ((exponent << 23u) + fraction);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let block = group_index(id.group, id.groups) * LANES + local.x;
  if (block >= (p.skip + p.count + 3u) / 4u) {
    return;
  }
  let words = philox4x32(vec4u(p.first + block, 0u, 0u, 0u), vec2u(p.key0, p.key1));
  for (var lane = 0u; lane < 4u; lane++) {
    // Wraps to a large number before the first element.
    let i = block * 4u + lane - p.skip;
    if (i < p.count) {
      out[i] = scaled(words[lane]);
    }
  }
}
