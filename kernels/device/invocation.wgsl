// Where an invocation stands in its dispatch.

struct Invocation {
  @builtin(local_invocation_id) local: vec3u, // in its workgroup
  @builtin(workgroup_id) group: vec3u, // its workgroup in the grid
  @builtin(num_workgroups) groups: vec3u, // size of the grid
}

// The index of a workgroup where `grid` (commands.ts) has folded a row of them into two dimensions; there may be more
// than asked for. It takes members because naga's HLSL knows `groups` in the entry point alone: in a function that is
// given the whole struct it would read another value.
fn group_index(group: vec3u, groups: vec3u) -> u32 {
  return group.x + group.y * groups.x;
}
