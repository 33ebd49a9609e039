// The sum over a row of a kernel that row_sum.ts declares twice: here for a workgroup that is one subgroup. It needs no
// barrier, at each of which a CPU has to suspend and resume every lane.

// The sum of the workgroup's values, for all lanes.
fn row_sum(value: f32, lane: u32) -> f32 {
  return subgroupAdd(value);
}
