// before: device/invocation.wgsl

// From lm_head's state (m, s, z_target, _) after the last tile: lse = m + ln s, logp = (z_target - m) - ln s.
// Overwrites logp and lse at first_row + r. One lane for each row.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  first_row: u32,
}

@group(0) @binding(0) var<storage, read_write> logp: array<f32>; // [first_row + rows]
@group(0) @binding(1) var<storage, read_write> lse: array<f32>; // [first_row + rows]
@group(0) @binding(2) var<storage, read> state: array<vec4f>; // [rows]
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let row = group_index(id.group, id.groups) * LANES + local.x;
  if (row >= p.rows) {
    return;
  }
  let s = state[row];
  let log_sum = log(s.y);
  lse[p.first_row + row] = s.x + log_sum;
  logp[p.first_row + row] = (s.z - s.x) - log_sum;
}
