// Philox4x32-10 (Salmon et al. 2011) and, by Box-Muller, normals from it.
//
// With words x of philox4x32(counter, key) and u_j = (x_j + 0.5) * 2^-32:
//   lanes 0, 1: sqrt(-2 ln u_0) * (cos 2 pi u_1, sin 2 pi u_1)
//   lanes 2, 3: sqrt(-2 ln u_2) * (cos 2 pi u_3, sin 2 pi u_3)
// u itself is never formed: f32 cannot tell it from 1 when it is near, and the built-in log, sin and cos may be off by
// 2^-11. The arguments of logarithm, sine and cosine are reduced as integers instead, which leaves short series. The
// error is below 1e-5.

fn philox_mul_hi(a: u32, b: u32) -> u32 {
  let a_low = a & 0xffffu;
  let a_high = a >> 16u;
  let b_low = b & 0xffffu;
  let b_high = b >> 16u;
  let middle = a_high * b_low + ((a_low * b_low) >> 16u);
  let carried = a_low * b_high + (middle & 0xffffu);
  return a_high * b_high + (middle >> 16u) + (carried >> 16u);
}

fn philox_round(c: vec4u, key: vec2u) -> vec4u {
  return vec4u(
    philox_mul_hi(0xcd9e8d57u, c.z) ^ c.y ^ key.x,
    0xcd9e8d57u * c.z,
    philox_mul_hi(0xd2511f53u, c.x) ^ c.w ^ key.y,
    0xd2511f53u * c.x,
  );
}

fn philox4x32(counter: vec4u, key: vec2u) -> vec4u {
  let weyl = vec2u(0x9e3779b9u, 0xbb67ae85u);
  var c = philox_round(counter, key);
  c = philox_round(c, key + weyl);
  c = philox_round(c, key + 2u * weyl);
  c = philox_round(c, key + 3u * weyl);
  c = philox_round(c, key + 4u * weyl);
  c = philox_round(c, key + 5u * weyl);
  c = philox_round(c, key + 6u * weyl);
  c = philox_round(c, key + 7u * weyl);
  c = philox_round(c, key + 8u * weyl);
  return philox_round(c, key + 9u * weyl);
}

// sqrt(-2 ln u) for u = (x + 0.5) * 2^-32.
fn box_muller_radius(x: vec2u) -> vec2f {
  // u = m * 2^(e - 32) with m in [sqrt(1/2), sqrt(2)); the offset moves the exponent's step from 1 to sqrt(1/2).
  let bits = bitcast<vec2u>(vec2f(x) + 0.5) + (0x3f800000u - 0x3f3504f3u);
  let e = vec2i(bits >> vec2u(23u)) - 127;
  let m = bitcast<vec2f>((bits & vec2u(0x7fffffu)) + 0x3f3504f3u);
  // If e is 32, m has lost u - 1, which comes from the complement of x instead.
  let from_one = (vec2f(~x) + 0.5) * -2.3283064365386963e-10;
  let z = select(m - 1.0, from_one, e == vec2i(32));
  // ln(1 + z) = 2 atanh(z / (2 + z)), |z / (2 + z)| <= 0.172.
  let s = z / (2.0 + z);
  let s2 = s * s;
  let series = 1.0 + s2 * (0.33333334 + s2 * (0.2 + s2 * 0.14285715));
  return sqrt(2.0 * (vec2f(32 - e) * 0.6931472 - 2.0 * s * series));
}

// (cos, sin) of 2 pi (x + 0.5) * 2^-32.
fn box_muller_turn(x: u32) -> vec2f {
  // The nearest quarter turn, and the rest as an exact integer, within +-1/8 turn.
  let quarter = (x + 0x20000000u) >> 30u;
  let rest = bitcast<i32>(x - (quarter << 30u));
  let a = (f32(rest) + 0.5) * 1.4629180792671596e-9;
  let a2 = a * a;
  let sine = a * (1.0 + a2 * (-0.16666667 + a2 * (0.008333333 + a2 * (-0.00019841270 + a2 * 2.7557319e-6))));
  let cosine = 1.0 + a2 * (-0.5 + a2 * (0.041666668 + a2 * (-0.0013888889 + a2 * 2.4801587e-5)));
  let odd = (quarter & 1u) == 1u;
  let turned = vec2f(select(cosine, -sine, odd), select(sine, cosine, odd));
  return select(turned, -turned, (quarter & 2u) == 2u);
}

fn box_muller(x: vec4u) -> vec4f {
  let radius = box_muller_radius(x.xz);
  return vec4f(radius.x * box_muller_turn(x.y), radius.y * box_muller_turn(x.w));
}

// Four standard normals.
fn normal4(counter: vec4u, key: vec2u) -> vec4f {
  return box_muller(philox4x32(counter, key));
}
