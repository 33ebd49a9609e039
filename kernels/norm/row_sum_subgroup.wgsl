// One of two parts that stand before a kernel of row_sum.ts, for a workgroup that is one subgroup: it has no barrier, each
// of which would end and begin every lane's work on a CPU.

// The sum of the workgroup's values, for all lanes.
fn row_sum(value: f32, lane: u32) -> f32 {
  return subgroupAdd(value);
}
