// One of two parts that stand before a kernel of row_sum.ts. LANES, the workgroup's size, is an override of the kernel's
// own part.

var<workgroup> row_partial: array<f32, LANES>;

// The sum of the workgroup's values, for all lanes: a tree in workgroup memory. Once in a run.
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
