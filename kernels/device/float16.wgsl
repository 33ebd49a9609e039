// Numbers that are brought to float16, by integer operations.

// 2^e, for the exponents of normal numbers.
fn power(e: i32) -> f32 {
  return bitcast<f32>(u32(e + 127) << 23u);
}

// Rounded to the eleven bits that float16 has, ties to even: devices may round a conversion as they like. NaN stays NaN,
// also where all of its bits are 1: a carry would make it a zero of the other sign.
fn eleven_bits(x: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(x);
  let size = min(bits & vec4u(0x7fffffffu), vec4u(0x7fc00000u));
  let rounded = (size + vec4u(0xfffu) + ((size >> vec4u(13u)) & vec4u(1u))) & vec4u(0xffffe000u);
  return bitcast<vec4f>(rounded | (bits & vec4u(0x80000000u)));
}

// The first eleven bits, where another number has the rest.
fn first_bits(x: vec4f) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(x) & vec4u(0xffffe000u));
}
