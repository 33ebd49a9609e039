// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// RMSNorm of each q head and each k head (Qwen3): y = x * inv_rms * weight, inv_rms = 1 / sqrt(mean(x^2) + eps), with
// one weight for all q heads and one for all k heads; v heads are copied.
// Overwrites y, and inv_rms for the backward pass. One lane for each head.

override LANES: u32 = 64;

struct Params {
  tokens: u32,
  heads: u32,
  kv_heads: u32,
  vectors: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read_write> y: array<V>; // [tokens, heads + 2 kv_heads, vectors]
@group(0) @binding(1) var<storage, read_write> inv_rms: array<f32>; // [tokens, heads + kv_heads]
@group(0) @binding(2) var<storage, read> qkv: array<V>; // as y
@group(0) @binding(3) var<storage, read> q_weight: array<V>; // [vectors]
@group(0) @binding(4) var<storage, read> k_weight: array<V>; // [vectors]
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let item = group_index(id.group, id.groups) * LANES + local.x;
  let all_heads = p.heads + 2 * p.kv_heads;
  if (item >= p.tokens * all_heads) {
    return;
  }
  let token = item / all_heads;
  let head = item % all_heads;
  let normed = p.heads + p.kv_heads;
  let base = item * p.vectors;
  var inv = 1.0;
  if (head < normed) {
    var sum = 0.0;
    for (var i = 0u; i < p.vectors; i++) {
      let x = qkv[base + i];
      sum += total(x * x);
    }
    inv = 1.0 / sqrt(sum / f32(p.vectors * WIDTH) + p.eps);
    inv_rms[token * normed + head] = inv;
  }
  for (var i = 0u; i < p.vectors; i++) {
    var weight = V(1.0);
    if (head < p.heads) {
      weight = q_weight[i];
    } else if (head < normed) {
      weight = k_weight[i];
    }
    y[base + i] = qkv[base + i] * inv * weight;
  }
}
