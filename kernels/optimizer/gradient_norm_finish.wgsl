// before: optimizer/control.wgsl

// The gradients' norm and clipping factor from the partial sums of gradient_norm.wgsl:
// norm = sqrt(sum of partials), factor = max_norm / (norm + 1e-6) if norm > max_norm > 0, else 1.
// Overwrites control.norm and control.factor. One workgroup.

override LANES: u32 = 64;

struct Params {
  count: u32,
  max_norm: f32,
}

@group(0) @binding(0) var<storage, read_write> control: Control;
@group(0) @binding(1) var<storage, read> partials: array<f32>; // [count]
@group(0) @binding(2) var<uniform> p: Params;

var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u) {
  let lane = local.x;
  var sum = 0.0;
  for (var i = lane; i < p.count; i += LANES) {
    sum += partials[i];
  }
  sums[lane] = sum;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
  }
  if (lane == 0) {
    let norm = sqrt(sums[0]);
    control.norm = norm;
    control.factor = select(1.0, p.max_norm / (norm + 1e-6), p.max_norm > 0.0 && norm > p.max_norm);
  }
}
