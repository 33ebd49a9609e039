// Appends the sampled tokens to the rows that still run: token = sampled, position += 1,
// finished = 1 if the token is an EOS, else 2 if the position has reached the row's limit.
// out[index, r] is the token, or 0xffffffff if the row had finished before; such rows stay as they are.
// Overwrites row `index` of out; updates token, position and finished. One lane for each row.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  index: u32,
  eos_count: u32,
  eos: array<vec4u, 2>, // the first eos_count of these eight
}

@group(0) @binding(0) var<storage, read_write> out: array<u32>; // [steps, rows]
@group(0) @binding(1) var<storage, read_write> token: array<u32>; // [rows]
@group(0) @binding(2) var<storage, read_write> position: array<u32>; // [rows]
@group(0) @binding(3) var<storage, read_write> finished: array<u32>; // [rows]
@group(0) @binding(4) var<storage, read> sampled: array<u32>; // [rows]
@group(0) @binding(5) var<storage, read> limit: array<u32>; // [rows]
@group(0) @binding(6) var<uniform> p: Params;

fn is_eos(id: u32) -> bool {
  let order = vec4u(0, 1, 2, 3);
  let low = (vec4u(id) == p.eos[0]) & (order < vec4u(p.eos_count));
  let high = (vec4u(id) == p.eos[1]) & (order + 4 < vec4u(p.eos_count));
  return any(low) || any(high);
}

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= p.rows) {
    return;
  }
  let at = p.index * p.rows + row;
  if (finished[row] != 0) {
    out[at] = 0xffffffff;
    return;
  }
  let next = sampled[row];
  let place = position[row] + 1;
  out[at] = next;
  token[row] = next;
  position[row] = place;
  if (is_eos(next)) {
    finished[row] = 1;
  } else if (place >= limit[row]) {
    finished[row] = 2;
  }
}
