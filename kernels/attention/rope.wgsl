// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// Rotary position embedding (Su et al. 2021) in Hugging Face's half layout, in place on the q and k heads of qkv:
// (a, b) = (x[i], x[i + headDim / 2]) becomes (a cos - b sin, b cos + a sin) at the angle of the token's position.
// sign = -1 rotates back, which is the backward pass. One lane for each pair of V.

override LANES: u32 = 64;

struct Params {
  items: u32,
  rotated_heads: u32,
  total_heads: u32,
  half_vectors: u32,
  sign: f32,
}

@group(0) @binding(0) var<storage, read_write> qkv: array<V>; // [tokens, total_heads, 2, half_vectors]
@group(0) @binding(1) var<storage, read> position: array<u32>; // [tokens]
@group(0) @binding(2) var<storage, read> table: array<V>; // [maxPositions, 2, half_vectors]
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let item = group_index(id.group, id.groups) * LANES + local.x;
  if (item >= p.items) {
    return;
  }
  let i = item % p.half_vectors;
  let row = item / p.half_vectors;
  let token = row / p.rotated_heads;
  let head = token * p.total_heads + row % p.rotated_heads;
  let entry = position[token] * 2 * p.half_vectors + i;
  let cosine = table[entry];
  let sine = table[entry + p.half_vectors] * p.sign;
  let low = head * 2 * p.half_vectors + i;
  let high = low + p.half_vectors;
  let a = qkv[low];
  let b = qkv[high];
  qkv[low] = a * cosine - b * sine;
  qkv[high] = b * cosine + a * sine;
}
