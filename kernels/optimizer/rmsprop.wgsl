// before: vector_{scalar|vec4}.wgsl, optimizer/control.wgsl, device/invocation.wgsl

// RMSprop as torch.optim.RMSprop: with g = control.factor * gradient + weight_decay * p (elements below `decayed`),
// v = alpha v + (1 - alpha) g^2; p -= lr * g / (sqrt(v) + eps).
// Updates parameters and v in place, unless control.apply is 0.
// `count` and `decayed` count V; any sizes. One lane for each V.

override LANES: u32 = 64;

struct Params {
  count: u32,
  decayed: u32,
  weight_decay: f32,
  lr: f32,
  alpha: f32,
  one_minus_alpha: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read_write> parameters: array<V>; // [count]
@group(0) @binding(1) var<storage, read_write> v: array<V>; // [count]
@group(0) @binding(2) var<storage, read> gradients: array<V>; // [count]
@group(0) @binding(3) var<storage, read> control: Control;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let i = group_index(id.group, id.groups) * LANES + local.x;
  if (i >= p.count || control.apply == 0) {
    return;
  }
  let kept = parameters[i];
  let g = control.factor * gradients[i] + select(0.0, p.weight_decay, i < p.decayed) * kept;
  let square = p.alpha * v[i] + p.one_minus_alpha * g * g;
  v[i] = square;
  parameters[i] = kept - p.lr * (g / (sqrt(square) + p.eps));
}
