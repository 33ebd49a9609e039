// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// Copies the k and v heads of qkv's tokens to their places (slot, position) in a layer's KV cache.
// Overwrites only those places. One lane for each V.

override LANES: u32 = 64;

struct Params {
  tokens: u32,
  q_vectors: u32,
  kv_vectors: u32,
  max_length: u32,
}

@group(0) @binding(0) var<storage, read_write> k_cache: array<V>; // [slots, max_length, kv_vectors]
@group(0) @binding(1) var<storage, read_write> v_cache: array<V>; // as k_cache
@group(0) @binding(2) var<storage, read> qkv: array<V>; // [tokens, q_vectors + 2 kv_vectors]
@group(0) @binding(3) var<storage, read> slot: array<u32>; // [tokens]
@group(0) @binding(4) var<storage, read> position: array<u32>; // [tokens]
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let item = group_index(id.group, id.groups) * LANES + local.x;
  if (item >= p.tokens * p.kv_vectors) {
    return;
  }
  let token = item / p.kv_vectors;
  let i = item % p.kv_vectors;
  let source = token * (p.q_vectors + 2 * p.kv_vectors) + p.q_vectors + i;
  let place = (slot[token] * p.max_length + position[token]) * p.kv_vectors + i;
  k_cache[place] = qkv[source];
  v_cache[place] = qkv[source + p.kv_vectors];
}
