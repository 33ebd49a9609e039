// The record that gates an optimizer's updates; each parameter group has one (control.ts).

struct Control {
  factor: f32, // of the gradients, from clipping
  norm: f32, // of the gradients, before clipping
  apply: u32, // 1: the update is made, 0: it is skipped
  t: u32, // Adam's step: updates made so far
  c1: f32, // 1 - beta1^t
  c2: f32, // 1 - beta2^t
  first_bad_step: u32, // first step with a norm or loss that is not finite, 0xffffffff: none
  bad_count: u32, // number of such steps
}
