// before: lm_head/lm_head_shared.wgsl, device/invocation.wgsl

// The largest logit of a row that comes in tiles of columns, and the column where it first stands. After each tile,
// top[first_row + r] = (column, bits of the logit) of the columns so far. The first tile (first_column 0) overwrites it,
// later ones update it. stride is a multiple of 4; the padding of a row is never used. One workgroup for each row.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  stride: u32,
  first_row: u32,
  first_column: u32,
}

@group(0) @binding(0) var<storage, read_write> top: array<vec2u>; // [first_row + rows]
@group(0) @binding(1) var<storage, read> logits: array<vec4f>; // [rows, stride / 4]
@group(0) @binding(2) var<uniform> p: Params;

var<workgroup> largest: array<f32, LANES>;
var<workgroup> place: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let row = group_index(id.group, id.groups);
  if (row >= p.rows) {
    return;
  }
  let lane = local.x;
  let base = row * (p.stride / 4u);
  let blocks = (p.columns + 3u) / 4u;
  var best = vec4f(MASKED);
  var at = vec4u(0xffffffffu);
  for (var block = lane; block < blocks; block += LANES) {
    let columns = columns_of(block);
    let z = select(vec4f(MASKED), logits[base + block], columns < vec4u(p.columns));
    at = select(at, columns, z > best);
    best = max(best, z);
  }
  let m = max(max(best.x, best.y), max(best.z, best.w));
  let places = select(vec4u(0xffffffffu), at, best == vec4f(m));
  largest[lane] = m;
  place[lane] = min(min(places.x, places.y), min(places.z, places.w));
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      let other = largest[lane + half];
      let other_place = place[lane + half];
      if (other > largest[lane] || (other == largest[lane] && other_place < place[lane])) {
        largest[lane] = other;
        place[lane] = other_place;
      }
    }
  }
  if (lane == 0) {
    let entry = p.first_row + row;
    // Of equal logits, that of an earlier tile stays.
    if (p.first_column == 0u || largest[0] > bitcast<f32>(top[entry].y)) {
      top[entry] = vec2u(p.first_column + place[0], bitcast<u32>(largest[0]));
    }
  }
}
