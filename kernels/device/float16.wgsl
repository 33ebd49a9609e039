// Numbers that are brought to float16, by integer operations.

// 2^e, for the exponents of normal numbers.
fn power(e: i32) -> f32 {
  return bitcast<f32>(u32(e + 127) << 23u);
}

// Rounded to the eleven bits that float16 has, ties to even: devices may round a conversion as they like.
fn eleven_bits(x: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(x);
  return bitcast<vec4f>((bits + vec4u(0xfffu) + ((bits >> vec4u(13u)) & vec4u(1u))) & vec4u(0xffffe000u));
}

// The first eleven bits, where another number has the rest.
fn first_bits(x: vec4f) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(x) & vec4u(0xffffe000u));
}
