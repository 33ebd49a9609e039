// before: vector_{scalar|vec4}.wgsl

// Backward of head_norm.wgsl for its weights, second stage: adds the sums over chunks to the weights' gradients.
// Adds to dq_weight and dk_weight. One lane for each kind (q, k) and V.

override LANES: u32 = 64;

struct Params {
  vectors: u32,
  chunks: u32,
}

@group(0) @binding(0) var<storage, read_write> dq_weight: array<V>; // [vectors]
@group(0) @binding(1) var<storage, read_write> dk_weight: array<V>; // [vectors]
@group(0) @binding(2) var<storage, read> partial: array<V>; // [chunks, 2, vectors]
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let item = id.x;
  if (item >= 2 * p.vectors) {
    return;
  }
  var sum = V(0.0);
  for (var chunk = 0u; chunk < p.chunks; chunk++) {
    sum += partial[chunk * 2 * p.vectors + item];
  }
  if (item < p.vectors) {
    dq_weight[item] += sum;
  } else {
    dk_weight[item - p.vectors] += sum;
  }
}
