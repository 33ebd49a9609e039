// What the LM head's kernels share; functions only, put before a kernel's text.

// Stands for minus infinity, which WGSL has no constant for: exp(MASKED - x) is 0 for every logit x.
const MASKED: f32 = -1e30;

// The running maximum m and the sum of exp(z - m), of two parts of a row.
fn merge(a: vec2f, b: vec2f) -> vec2f {
  let m = max(a.x, b.x);
  return vec2f(m, a.y * exp(a.x - m) + b.y * exp(b.x - m));
}

// The same after four more logits; masked ones add nothing once any logit is there.
fn extend(a: vec2f, z: vec4f) -> vec2f {
  let m = max(a.x, max(max(z.x, z.y), max(z.z, z.w)));
  return vec2f(m, a.y * exp(a.x - m) + dot(exp(z - m), vec4f(1.0)));
}

// The columns of a block of four.
fn columns_of(block: u32) -> vec4u {
  return vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u);
}

// The values at the chosen columns, summed.
fn pick(z: vec4f, chosen: vec4<bool>) -> f32 {
  return dot(select(vec4f(0.0), z, chosen), vec4f(1.0));
}
