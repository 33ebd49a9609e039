// Functions that kernels of the LM head share.

// Stands for minus infinity, for which WGSL has no constant: exp(MASKED - x) is 0 for every logit x.
const MASKED: f32 = -1e30;

// Joins (m, sum of exp(z - m)), m being the maximum, of two parts of a row.
fn merge(a: vec2f, b: vec2f) -> vec2f {
  let m = max(a.x, b.x);
  return vec2f(m, a.y * exp(a.x - m) + b.y * exp(b.x - m));
}

// Adds four logits to such a pair. Masked ones add nothing if the pair has any logit.
fn extend(a: vec2f, z: vec4f) -> vec2f {
  let m = max(a.x, max(max(z.x, z.y), max(z.z, z.w)));
  return vec2f(m, a.y * exp(a.x - m) + dot(exp(z - m), vec4f(1.0)));
}

// The columns of a block of four.
fn columns_of(block: u32) -> vec4u {
  return vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u);
}

// The sum of the values at the chosen columns.
fn pick(z: vec4f, chosen: vec4<bool>) -> f32 {
  return dot(select(vec4f(0.0), z, chosen), vec4f(1.0));
}
