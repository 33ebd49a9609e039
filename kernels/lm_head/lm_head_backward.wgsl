// before: lm_head/lm_head_shared.wgsl, device/invocation.wgsl

// Gradient of the log-probabilities at the logits, in place on a recomputed tile:
// logits[r, c] <- dlogp[sequences[r]] * ((first_column + c == targets[r]) - exp(logits[r, c] - lse[r])).
// Padding up to a multiple of 4 becomes 0. first_column and stride are multiples of 4. One workgroup for each row.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  stride: u32,
  first_row: u32,
  first_column: u32,
}

@group(0) @binding(0) var<storage, read_write> logits: array<vec4f>; // [rows, stride / 4]
@group(0) @binding(1) var<storage, read> lse: array<f32>; // [first_row + rows]
@group(0) @binding(2) var<storage, read> targets: array<u32>; // [first_row + rows]
@group(0) @binding(3) var<storage, read> sequences: array<u32>; // [first_row + rows]
@group(0) @binding(4) var<storage, read> dlogp: array<f32>; // [sequences]
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let row = group_index(id.group, id.groups);
  if (row >= p.rows) {
    return;
  }
  let base = row * (p.stride / 4u);
  let blocks = (p.columns + 3u) / 4u;
  let entry = p.first_row + row;
  let log_sum = lse[entry];
  let g = dlogp[sequences[entry]];
  let wanted = vec4u(targets[entry] - p.first_column);
  for (var block = local.x; block < blocks; block += LANES) {
    let columns = columns_of(block);
    let probability = exp(logits[base + block] - log_sum);
    let d = g * (select(vec4f(0.0), vec4f(1.0), columns == wanted) - probability);
    logits[base + block] = select(vec4f(0.0), d, columns < vec4u(p.columns));
  }
}
