// before: lm_head/lm_head_shared.wgsl, lm_head/lm_head_sigma.wgsl, random/philox.wgsl, device/invocation.wgsl

// lm_head for the clean logits z and, beside them, the noised ones, tile by tile:
// z~ = z + sigma * n, sigma = s * tanh(r / s), n from Philox at counter (column / 4, position, example, step) and key
// (seed, iteration). state and noised_state are lm_head's, for z and z~; sigma_squared[first_row + r] is the sum of
// sigma^2 over the columns so far. The first tile (first_column 0) overwrites all three, later ones update them.
// first_column and stride are multiples of 4; the padding of a row is never used. One workgroup for each row.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  stride: u32,
  first_row: u32,
  first_column: u32,
  seed: u32,
  iteration: u32,
  step: u32,
  s: f32,
}

@group(0) @binding(0) var<storage, read_write> state: array<vec4f>; // [rows]
@group(0) @binding(1) var<storage, read_write> noised_state: array<vec4f>; // [rows]
@group(0) @binding(2) var<storage, read_write> sigma_squared: array<f32>; // [first_row + rows]
@group(0) @binding(3) var<storage, read> logits: array<vec4f>; // [rows, stride / 4]
@group(0) @binding(4) var<storage, read> noise_logits: array<vec4f>; // r, [rows, stride / 4]
@group(0) @binding(5) var<storage, read> targets: array<u32>; // [first_row + rows]
@group(0) @binding(6) var<storage, read> examples: array<u32>; // [first_row + rows]
@group(0) @binding(7) var<storage, read> positions: array<u32>; // [first_row + rows]
@group(0) @binding(8) var<uniform> p: Params;

var<workgroup> partial: array<vec4f, LANES>; // (m, sum) of z, (m, sum) of z~
var<workgroup> partial_squares: array<f32, LANES>;
var<workgroup> found: vec2f; // the target's z and z~, set by the lane that has its block

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let row = group_index(id.group, id.groups);
  if (row >= p.rows) {
    return;
  }
  let lane = local.x;
  let base = row * (p.stride / 4u);
  let blocks = (p.columns + 3u) / 4u;
  let entry = p.first_row + row;
  let counter = vec4u(p.first_column / 4u, positions[entry], examples[entry], p.step);
  // Wraps to a large number if the target lies before this tile.
  let wanted = targets[entry] - p.first_column;
  let here = wanted < p.columns;
  var clean = vec2f(MASKED, 0.0);
  var noised = vec2f(MASKED, 0.0);
  var squares = 0.0;
  var hit = vec2f(0.0);
  for (var block = lane; block < blocks; block += LANES) {
    let columns = columns_of(block);
    let inside = columns < vec4u(p.columns);
    let z = select(vec4f(MASKED), logits[base + block], inside);
    let sigma = select(vec4f(0.0), sigma_of(noise_logits[base + block], p.s).value, inside);
    let y = z + sigma * normal4(counter + vec4u(block, 0u, 0u, 0u), vec2u(p.seed, p.iteration));
    clean = extend(clean, z);
    noised = extend(noised, y);
    squares += dot(sigma, sigma);
    let chosen = columns == vec4u(wanted);
    hit += vec2f(pick(z, chosen), pick(y, chosen));
  }
  if (here && (wanted / 4u) % LANES == lane) {
    found = hit;
  }
  partial[lane] = vec4f(clean, noised);
  partial_squares[lane] = squares;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      let a = partial[lane];
      let b = partial[lane + half];
      partial[lane] = vec4f(merge(a.xy, b.xy), merge(a.zw, b.zw));
      partial_squares[lane] += partial_squares[lane + half];
    }
  }
  if (lane == 0) {
    let first = p.first_column == 0u;
    let nothing = vec4f(MASKED, 0.0, 0.0, 0.0);
    let before = select(state[row], nothing, first);
    let noised_before = select(noised_state[row], nothing, first);
    state[row] = vec4f(merge(before.xy, partial[0].xy), select(before.z, found.x, here), 0.0);
    noised_state[row] = vec4f(merge(noised_before.xy, partial[0].zw), select(noised_before.z, found.y, here), 0.0);
    sigma_squared[entry] = select(sigma_squared[entry], 0.0, first) + partial_squares[0];
  }
}
