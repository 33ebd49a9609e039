// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// Backward of head_norm.wgsl for its input: with g = dy * weight and r = inv_rms,
// dx = r * g - x * r^3 * mean(g * x); the gradients of v heads are copied.
// Overwrites dqkv. One lane for each head.

override LANES: u32 = 64;

struct Params {
  tokens: u32,
  heads: u32,
  kv_heads: u32,
  vectors: u32,
}

@group(0) @binding(0) var<storage, read_write> dqkv: array<V>; // [tokens, heads + 2 kv_heads, vectors]
@group(0) @binding(1) var<storage, read> dy: array<V>; // as dqkv
@group(0) @binding(2) var<storage, read> inv_rms: array<f32>; // [tokens, heads + kv_heads]
@group(0) @binding(3) var<storage, read> qkv: array<V>; // as dqkv
@group(0) @binding(4) var<storage, read> q_weight: array<V>; // [vectors]
@group(0) @binding(5) var<storage, read> k_weight: array<V>; // [vectors]
@group(0) @binding(6) var<uniform> p: Params;

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
  if (head >= normed) {
    for (var i = 0u; i < p.vectors; i++) {
      dqkv[base + i] = dy[base + i];
    }
    return;
  }
  let inv = inv_rms[token * normed + head];
  var sum = 0.0;
  for (var i = 0u; i < p.vectors; i++) {
    sum += total(dy[base + i] * weight_of(head, i) * qkv[base + i]);
  }
  let pull = inv * inv * inv * sum / f32(p.vectors * WIDTH);
  for (var i = 0u; i < p.vectors; i++) {
    dqkv[base + i] = dy[base + i] * weight_of(head, i) * inv - qkv[base + i] * pull;
  }
}

fn weight_of(head: u32, i: u32) -> V {
  if (head < p.heads) {
    return q_weight[i];
  }
  return k_weight[i];
}
