// before: lm_head/lm_head_shared.wgsl, device/invocation.wgsl

// Log-softmax at the target over a row of logits that comes in tiles of columns (online softmax). After each tile,
// state[r] = (m, sum of exp(z - m) over the columns so far, the target's logit if its tile has come, 0),
// where m is the maximum so far. Overwrites state on the first tile (first_column 0) and updates it on later ones.
// first_column and stride are multiples of 4; the padding of a row is never used. One workgroup for each row.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  stride: u32,
  first_row: u32,
  first_column: u32,
}

@group(0) @binding(0) var<storage, read_write> state: array<vec4f>; // [rows]
@group(0) @binding(1) var<storage, read> logits: array<vec4f>; // [rows, stride / 4]
@group(0) @binding(2) var<storage, read> targets: array<u32>; // [first_row + rows]
@group(0) @binding(3) var<uniform> p: Params;

var<workgroup> partial: array<vec2f, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let row = group_index(id.group, id.groups);
  if (row >= p.rows) {
    return;
  }
  let lane = local.x;
  let base = row * (p.stride / 4u);
  let blocks = (p.columns + 3u) / 4u;
  var mine = vec2f(MASKED, 0.0);
  for (var block = lane; block < blocks; block += LANES) {
    let z = select(vec4f(MASKED), logits[base + block], columns_of(block) < vec4u(p.columns));
    mine = extend(mine, z);
  }
  partial[lane] = mine;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      partial[lane] = merge(partial[lane], partial[lane + half]);
    }
  }
  if (lane == 0) {
    let before = select(state[row], vec4f(MASKED, 0.0, 0.0, 0.0), p.first_column == 0u);
    var hit = before.z;
    // Wraps to a large number if the target lies before this tile.
    let wanted = targets[p.first_row + row] - p.first_column;
    if (wanted < p.columns) {
      let block = wanted / 4u;
      hit = pick(logits[base + block], columns_of(block) == vec4u(wanted));
    }
    state[row] = vec4f(merge(before.xy, partial[0]), hit, 0.0);
  }
}
