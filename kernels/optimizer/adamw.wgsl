// before: vector_{scalar|vec4}.wgsl, optimizer/control.wgsl, device/invocation.wgsl

// AdamW (Loshchilov & Hutter 2019) as torch.optim.AdamW: with g = control.factor * gradient,
// p *= 1 - lr * weight_decay (elements below `decayed`); m += (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g^2;
// p -= lr / c1 * m / (sqrt(v) / sqrt(c2) + eps).
// Updates parameters, m and v in place, unless control.apply is 0.
// `count` and `decayed` count V; any sizes. One lane for each V.

override LANES: u32 = 64;

struct Params {
  count: u32,
  decayed: u32,
  decay: f32,
  lr: f32,
  one_minus_beta1: f32,
  beta2: f32,
  one_minus_beta2: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read_write> parameters: array<V>; // [count]
@group(0) @binding(1) var<storage, read_write> m: array<V>; // [count]
@group(0) @binding(2) var<storage, read_write> v: array<V>; // [count]
@group(0) @binding(3) var<storage, read> gradients: array<V>; // [count]
@group(0) @binding(4) var<storage, read> control: Control;
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let i = group_index(id.group, id.groups) * LANES + local.x;
  if (i >= p.count || control.apply == 0) {
    return;
  }
  let g = control.factor * gradients[i];
  let kept = parameters[i] * select(1.0, p.decay, i < p.decayed);
  let before = m[i];
  let mean = before + p.one_minus_beta1 * (g - before);
  let square = p.beta2 * v[i] + p.one_minus_beta2 * g * g;
  m[i] = mean;
  v[i] = square;
  parameters[i] = kept - p.lr / control.c1 * (mean / (sqrt(square) / sqrt(control.c2) + p.eps));
}
