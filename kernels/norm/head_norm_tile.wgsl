// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// As head_norm.wgsl, for GPUs: a workgroup takes `tile_heads` whole heads that lie one behind another, of which a lane
// has one V, and one lane for each head sums up. So neighbours read what is side by side, each number once, and the
// sums are those of head_norm.wgsl. Heads are of LANES V at most.

override LANES: u32 = 64;

struct Params {
  tokens: u32,
  heads: u32,
  kv_heads: u32,
  vectors: u32,
  tile_heads: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read_write> y: array<V>; // [tokens, heads + 2 kv_heads, vectors]
@group(0) @binding(1) var<storage, read_write> inv_rms: array<f32>; // [tokens, heads + kv_heads]
@group(0) @binding(2) var<storage, read> qkv: array<V>; // as y
@group(0) @binding(3) var<storage, read> q_weight: array<V>; // [vectors]
@group(0) @binding(4) var<storage, read> k_weight: array<V>; // [vectors]
@group(0) @binding(5) var<uniform> p: Params;

// [tile_heads, vectors + 1], so that heads are in banks of their own: the summands, then 1 / rms in place of the first.
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
  var x = V();
  if (is_used) {
    x = qkv[at];
    parts[lane + own] = total(x * x);
  }
  workgroupBarrier();
  let stride = p.vectors + 1;
  if (lane < tile_heads) {
    let head = (first + lane) % all_heads;
    if (head < normed) {
      var sum = 0.0;
      for (var i = 0u; i < p.vectors; i++) {
        sum += parts[lane * stride + i];
      }
      let inv = 1.0 / sqrt(sum / f32(p.vectors * WIDTH) + p.eps);
      inv_rms[(first + lane) / all_heads * normed + head] = inv;
      parts[lane * stride] = inv;
    }
  }
  workgroupBarrier();
  if (is_used) {
    let head = (first + own) % all_heads;
    let i = lane % p.vectors;
    if (head < p.heads) {
      x = x * parts[own * stride] * q_weight[i];
    } else if (head < normed) {
      x = x * parts[own * stride] * k_weight[i];
    }
    y[at] = x;
  }
}
