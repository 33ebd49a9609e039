// Cross-entropy of supervised fine-tuning: dlogp[s] = -scale, metrics[0] (loss) += -scale * sum of logps[s].
// Overwrites dlogp, adds to metrics. One workgroup; sums in a fixed order.

override LANES: u32 = 64;

struct Params {
  sequences: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read_write> dlogp: array<f32>; // [sequences]
@group(0) @binding(1) var<storage, read_write> metrics: array<f32>;
@group(0) @binding(2) var<storage, read> logps: array<f32>; // [sequences]
@group(0) @binding(3) var<uniform> p: Params;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u) {
  let lane = local.x;
  var sum = 0.0;
  for (var s = lane; s < p.sequences; s += LANES) {
    dlogp[s] = -p.scale;
    sum += logps[s];
  }
  partial[lane] = sum;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
  }
  if (lane == 0) {
    metrics[0] -= p.scale * partial[0];
  }
}
