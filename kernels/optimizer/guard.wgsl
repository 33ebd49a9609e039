// before: optimizer/control.wgsl

// Gates the update of all parameter groups. If the loss and every group's norm are finite: apply = 1, t += 1,
// c1 = 1 - beta1^t, c2 = 1 - beta2^t. Else: apply = 0, bad_count += 1, and first_bad_step = step if there was none.
// Overwrites the norms in the metrics. One invocation.
// Comparisons with NaN are unreliable, so the bits are tested: a number is not finite if its exponent is all ones.

struct Params {
  groups: u32,
  step: u32,
  loss_slot: u32,
  norm_slot_0: u32,
  norm_slot_1: u32,
  log_beta1: f32,
  log_beta2: f32,
}

// A record every 256 bytes. The rest is spelled out, since wgpu's OpenGL forgets what @size says.
struct Slot {
  control: Control,
  rest: array<vec4u, 14>,
}

@group(0) @binding(0) var<storage, read_write> controls: array<Slot>; // [groups]
@group(0) @binding(1) var<storage, read_write> metrics: array<u32>; // bits of f32
@group(0) @binding(2) var<uniform> p: Params;

fn is_bad(bits: u32) -> bool {
  return (bits & 0x7f800000u) == 0x7f800000u;
}

// 1 - exp(-x) for x >= 0. For a small x the difference would lose digits, so a series takes its place.
fn one_minus_exp(x: f32) -> f32 {
  if (x > 0.5) {
    return 1.0 - exp(-x);
  }
  return x * (1.0 - x / 2.0 * (1.0 - x / 3.0 * (1.0 - x / 4.0 * (1.0 - x / 5.0 * (1.0 - x / 6.0 * (1.0 - x / 7.0 * (1.0 - x / 8.0)))))));
}

fn take_norm(group: u32, slot: u32) -> bool {
  let bits = bitcast<u32>(controls[group].control.norm);
  metrics[slot] = bits;
  return is_bad(bits);
}

fn decide(group: u32, bad: bool) {
  if (bad) {
    controls[group].control.apply = 0;
    controls[group].control.bad_count += 1;
    controls[group].control.first_bad_step = min(controls[group].control.first_bad_step, p.step);
    return;
  }
  let t = controls[group].control.t + 1;
  controls[group].control.apply = 1;
  controls[group].control.t = t;
  controls[group].control.c1 = one_minus_exp(-p.log_beta1 * f32(t));
  controls[group].control.c2 = one_minus_exp(-p.log_beta2 * f32(t));
}

// Without a loop over the groups: Mesa's llvmpipe leaks 256 KiB each time that such a loop runs.
@compute @workgroup_size(1)
fn main() {
  let both = p.groups == 2;
  var bad = is_bad(metrics[p.loss_slot]);
  bad = take_norm(0, p.norm_slot_0) || bad;
  if (both) {
    bad = take_norm(1, p.norm_slot_1) || bad;
  }
  decide(0, bad);
  if (both) {
    decide(1, bad);
  }
}
