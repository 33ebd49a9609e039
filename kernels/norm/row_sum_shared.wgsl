// The sum over a row of a kernel that row_sum.ts declares twice: here through workgroup memory, on any device.
// LANES, the workgroup's size, is an override constant of the kernel's own part.

var<workgroup> row_partial: array<f32, LANES>;

// The sum of the workgroup's values, for all lanes. To be called once: it does not wait before it writes.
fn row_sum(value: f32, lane: u32) -> f32 {
  row_partial[lane] = value;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      row_partial[lane] += row_partial[lane + half];
    }
  }
  workgroupBarrier();
  return row_partial[0];
}
