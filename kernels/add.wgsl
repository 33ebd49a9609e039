// Sum of two: out[i] = a[i] + b[i]. Overwrites out. One lane an element.
// `count` counts elements of V, f32 or vec4f (vector.ts); any size.

override LANES: u32 = 64;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<V>; // [count]
@group(0) @binding(1) var<storage, read> a: array<V>; // [count]
@group(0) @binding(2) var<storage, read> b: array<V>; // [count]
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = (group.x + group.y * groups.x) * LANES + local.x;
  if (i < p.count) {
    out[i] = a[i] + b[i];
  }
}
