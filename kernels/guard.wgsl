// Gates the update of all parameter groups: where the loss and every group's norm are finite, apply = 1, t += 1,
// c1 = 1 - beta1^t, c2 = 1 - beta2^t; else apply = 0, bad_count += 1, and first_bad_step = step if it was none.
// Writes the norms into the metrics. One invocation.
// Not finite is seen in the bits (exponent all ones): comparisons with NaN are unreliable.

struct Params {
  groups: u32,
  step: u32,
  loss_slot: u32,
  norm_slot_0: u32,
  norm_slot_1: u32,
  log_beta1: f32,
  log_beta2: f32,
}

struct Slot {
  @size(256) control: Control,
}

@group(0) @binding(0) var<storage, read_write> controls: array<Slot>; // [groups]
@group(0) @binding(1) var<storage, read_write> metrics: array<u32>; // bits of f32
@group(0) @binding(2) var<uniform> p: Params;

fn is_bad(bits: u32) -> bool {
  return (bits & 0x7f800000u) == 0x7f800000u;
}

// 1 - exp(-x) for x >= 0; the difference itself would lose the digits of a small x.
fn one_minus_exp(x: f32) -> f32 {
  if (x > 0.5) {
    return 1.0 - exp(-x);
  }
  return x * (1.0 - x / 2.0 * (1.0 - x / 3.0 * (1.0 - x / 4.0 * (1.0 - x / 5.0 * (1.0 - x / 6.0 * (1.0 - x / 7.0 * (1.0 - x / 8.0)))))));
}

@compute @workgroup_size(1)
fn main() {
  var bad = is_bad(metrics[p.loss_slot]);
  for (var i = 0u; i < p.groups; i++) {
    let bits = bitcast<u32>(controls[i].control.norm);
    bad = bad || is_bad(bits);
    metrics[select(p.norm_slot_1, p.norm_slot_0, i == 0)] = bits;
  }
  for (var i = 0u; i < p.groups; i++) {
    if (bad) {
      controls[i].control.apply = 0;
      controls[i].control.bad_count += 1;
      controls[i].control.first_bad_step = min(controls[i].control.first_bad_step, p.step);
    } else {
      let t = controls[i].control.t + 1;
      controls[i].control.apply = 1;
      controls[i].control.t = t;
      controls[i].control.c1 = one_minus_exp(-p.log_beta1 * f32(t));
      controls[i].control.c2 = one_minus_exp(-p.log_beta2 * f32(t));
    }
  }
}
