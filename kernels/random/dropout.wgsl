// before: random/philox.wgsl, device/invocation.wgsl

// Dropout with Philox (docs/method.md, "The random numbers"): y[t, i] = x[t, i] * keep(t, i) / (1 - p), added to y or in
// its place. Four columns share a counter, (column / 4 | module << 16, position, example, step); a number x_j keeps its
// column if it is at least `threshold`. One lane for four columns of a row; lanes take rows in strides of the grid's
// height. Any sizes.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  adapter: u32,
  step: u32,
  seed: u32,
  iteration: u32,
  threshold: u32,
  kept: f32, // 1 - p
  accumulate: u32,
}

@group(0) @binding(0) var<storage, read_write> y: array<f32>; // [rows, columns]
@group(0) @binding(1) var<storage, read> x: array<f32>; // [rows, columns]
@group(0) @binding(2) var<storage, read> positions: array<u32>; // [rows]
@group(0) @binding(3) var<storage, read> examples: array<u32>; // [rows]
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let block = id.group.x * LANES + local.x;
  if (block * 4u >= p.columns) {
    return;
  }
  let end = min(p.columns - block * 4u, 4u);
  for (var row = id.group.y; row < p.rows; row += id.groups.y) {
    let counter = vec4u(block | (p.adapter << 16u), positions[row], examples[row], p.step);
    let drawn = philox4x32(counter, vec2u(p.seed, p.iteration));
    for (var j = 0u; j < end; j += 1u) {
      let at = row * p.columns + block * 4u + j;
      var value = select(0.0, x[at] / p.kept, drawn[j] >= p.threshold);
      if (p.accumulate != 0u) {
        value += y[at];
      }
      y[at] = value;
    }
  }
}
