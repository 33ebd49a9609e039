// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// Backward of head_norm.wgsl for its weights, first stage: sums of dy * x * inv_rms over the heads of CHUNK tokens.
// Overwrites partial. One lane for each chunk, kind (q, k) and V.

override LANES: u32 = 64;
override CHUNK: u32 = 16;

struct Params {
  tokens: u32,
  heads: u32,
  kv_heads: u32,
  vectors: u32,
  chunks: u32,
}

@group(0) @binding(0) var<storage, read_write> partial: array<V>; // [chunks, 2, vectors]
@group(0) @binding(1) var<storage, read> dy: array<V>; // [tokens, heads + 2 kv_heads, vectors]
@group(0) @binding(2) var<storage, read> inv_rms: array<f32>; // [tokens, heads + kv_heads]
@group(0) @binding(3) var<storage, read> qkv: array<V>; // as dy
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let item = group_index(id.group, id.groups) * LANES + local.x;
  if (item >= p.chunks * 2 * p.vectors) {
    return;
  }
  let i = item % p.vectors;
  let is_k = item / p.vectors % 2 == 1;
  let first = item / p.vectors / 2 * CHUNK;
  let head_start = select(0u, p.heads, is_k);
  let head_end = select(p.heads, p.heads + p.kv_heads, is_k);
  var sum = V(0.0);
  for (var token = first; token < min(first + CHUNK, p.tokens); token++) {
    for (var head = head_start; head < head_end; head++) {
      let at = (token * (p.heads + 2 * p.kv_heads) + head) * p.vectors + i;
      sum += dy[at] * qkv[at] * inv_rms[token * (p.heads + p.kv_heads) + head];
    }
  }
  partial[item] = sum;
}
