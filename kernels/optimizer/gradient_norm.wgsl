// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

// Sums of squares over blocks: partials[first + b] = sum over block b of gradients[i]^2.
// Overwrites those partials. One workgroup for each block: its lanes sum in strides, then a tree adds the lanes' sums.
// `count` and `block` count V; any sizes.

override LANES: u32 = 64;

struct Params {
  count: u32,
  block: u32,
  first: u32,
}

@group(0) @binding(0) var<storage, read_write> partials: array<f32>;
@group(0) @binding(1) var<storage, read> gradients: array<V>; // [count]
@group(0) @binding(2) var<uniform> p: Params;

var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let b = group_index(id.group, id.groups);
  let begin = b * p.block;
  if (begin >= p.count) {
    return;
  }
  let lane = local.x;
  let end = min(begin + p.block, p.count);
  var sum = V();
  for (var i = begin + lane; i < end; i += LANES) {
    let g = gradients[i];
    sum += g * g;
  }
  sums[lane] = total(sum);
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
  }
  if (lane == 0) {
    partials[p.first + b] = sums[0];
  }
}
