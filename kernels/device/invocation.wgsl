// A workgroup's place in its dispatch. Both members are the same for all of its lanes, and nothing else may stand here:
// a compiler that checks barriers takes a struct with one member that differs for different as a whole.

struct Workgroup {
  @builtin(workgroup_id) group: vec3u, // its place in the grid
  @builtin(num_workgroups) groups: vec3u, // size of the grid
}

// The index of a workgroup in a grid that `grid` (commands.ts) made of one row. Folding may add workgroups: kernels
// return early beyond the last. The arguments are members, not the struct: naga's HLSL gives `groups` its value in the
// entry point only, and a function that took the struct would read the workgroup's id in its place.
fn group_index(group: vec3u, groups: vec3u) -> u32 {
  return group.x + group.y * groups.x;
}
