// before: device/invocation.wgsl

// out[offset + s * stride] = sum of x[e] over starts[s] <= e < starts[s + 1]. Overwrites those elements of out.
// The order of additions depends only on the sequence's own length. One workgroup for each sequence.

override LANES: u32 = 64;

struct Params {
  sequences: u32,
  stride: u32,
  offset: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<f32>; // [offset + stride * sequences]
@group(0) @binding(1) var<storage, read> x: array<f32>; // [starts[sequences]]
@group(0) @binding(2) var<storage, read> starts: array<u32>; // [sequences + 1]
@group(0) @binding(3) var<uniform> p: Params;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let sequence = group_index(id.group, id.groups);
  if (sequence >= p.sequences) {
    return;
  }
  let lane = local.x;
  let end = starts[sequence + 1u];
  var sum = 0.0;
  for (var e = starts[sequence] + lane; e < end; e += LANES) {
    sum += x[e];
  }
  partial[lane] = sum;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
  }
  if (lane == 0) {
    out[p.offset + sequence * p.stride] = partial[0];
  }
}
