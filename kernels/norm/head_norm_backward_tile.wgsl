// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// As head_norm_backward.wgsl, for GPUs: a workgroup takes `tile_heads` whole heads that lie one behind another, as in
// head_norm_tile.wgsl. Heads are of LANES V at most.

override LANES: u32 = 64;

struct Params {
  tokens: u32,
  heads: u32,
  kv_heads: u32,
  vectors: u32,
  tile_heads: u32,
}

@group(0) @binding(0) var<storage, read_write> dqkv: array<V>; // [tokens, heads + 2 kv_heads, vectors]
@group(0) @binding(1) var<storage, read> dy: array<V>; // as dqkv
@group(0) @binding(2) var<storage, read> inv_rms: array<f32>; // [tokens, heads + kv_heads]
@group(0) @binding(3) var<storage, read> qkv: array<V>; // as dqkv
@group(0) @binding(4) var<storage, read> q_weight: array<V>; // [vectors]
@group(0) @binding(5) var<storage, read> k_weight: array<V>; // [vectors]
@group(0) @binding(6) var<uniform> p: Params;

// [tile_heads, vectors + 1], so that heads are in banks of their own: the summands, then the sum in place of the first.
var<workgroup> parts: array<f32, 2 * LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let all_heads = p.heads + 2 * p.kv_heads;
  let normed = p.heads + p.kv_heads;
  let first = group_index(id.group, id.groups) * p.tile_heads;
  if (first >= p.tokens * all_heads) {
    return;
  }
  let lane = local.x;
  let tile_heads = min(p.tile_heads, p.tokens * all_heads - first);
  let is_used = lane < tile_heads * p.vectors;
  let at = first * p.vectors + lane;
  let own = lane / p.vectors;
  let head = (first + own) % all_heads;
  var d = V();
  var x = V();
  if (is_used) {
    d = dy[at];
    if (head < normed) {
      d *= weight_of(head, lane % p.vectors);
      x = qkv[at];
      parts[lane + own] = total(d * x);
    }
  }
  workgroupBarrier();
  let stride = p.vectors + 1;
  if (lane < tile_heads) {
    if ((first + lane) % all_heads < normed) {
      var sum = 0.0;
      for (var i = 0u; i < p.vectors; i++) {
        sum += parts[lane * stride + i];
      }
      parts[lane * stride] = sum;
    }
  }
  workgroupBarrier();
  if (is_used) {
    if (head < normed) {
      let inv = inv_rms[(first + own) / all_heads * normed + head];
      let pull = inv * inv * inv * parts[own * stride] / f32(p.vectors * WIDTH);
      d = d * inv - x * pull;
    }
    dqkv[at] = d;
  }
}

fn weight_of(head: u32, i: u32) -> V {
  if (head < p.heads) {
    return q_weight[i];
  }
  return k_weight[i];
}
