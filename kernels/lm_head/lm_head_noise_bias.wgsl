// Gradient of the noise generator's bias: dbias[first_column + c] += sum over r, in order, of noise_logits[r, c].
// stride is a multiple of 4. One lane for each four columns.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  stride: u32,
  first_column: u32,
}

@group(0) @binding(0) var<storage, read_write> dbias: array<f32>; // [first_column + columns]
@group(0) @binding(1) var<storage, read> noise_logits: array<vec4f>; // [rows, stride / 4]
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let block = id.x;
  let column = block * 4u;
  if (column >= p.columns) {
    return;
  }
  var sum = vec4f(0.0);
  for (var row = 0u; row < p.rows; row += 1u) {
    sum += noise_logits[row * (p.stride / 4u) + block];
  }
  let at = p.first_column + column;
  dbias[at] += sum.x;
  if (column + 1u < p.columns) {
    dbias[at + 1u] += sum.y;
  }
  if (column + 2u < p.columns) {
    dbias[at + 2u] += sum.z;
  }
  if (column + 3u < p.columns) {
    dbias[at + 3u] += sum.w;
  }
}
