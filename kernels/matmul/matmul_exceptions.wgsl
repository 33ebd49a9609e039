// before: storage/storage_text.ts (generated), device/invocation.wgsl

// Adds to c, in float32, the sums of those rows of a and columns of b that have a number that is not finite, and which
// products on matrix units leave out: c[i, j] += scale * Σ a[i, k] * b[k, j] over each block of k.
// One workgroup for each row, then for each column, of which most have nothing to do. Any sizes.

override LANES: u32 = 64;

struct Params {
  m: u32,
  n: u32,
  k_first: u32,
  k_last: u32,
  k_block: u32, // z blocks follow one another
  a_first: u32, // element of a
  a_line: u32, // elements from one row to the next
  a_step: u32, // and from one k to the next
  b_first: u32,
  b_line: u32,
  b_step: u32,
  c_first: u32,
  c_block: u32, // from one block's c to the next's
  ldc: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read_write> c: array<f32>; // [m, n], rows ldc apart
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<u32>; // b, as it is stored
@group(0) @binding(3) var<storage, read> scales: array<u32>; // of a quantized b
@group(0) @binding(4) var<storage, read> exponents: array<u32>; // [blocks, m + n], with 256 for such lines
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let line = group_index(vec3u(id.group.xy, 0u), id.groups);
  let found_first = id.group.z * (p.m + p.n);
  if (line >= p.m + p.n || exponents[found_first + line] < 256u) {
    return;
  }
  let is_row = line < p.m;
  let start = p.k_first + id.group.z * p.k_block;
  let end = min(start + p.k_block, p.k_last);
  for (var other = local.x; other < select(p.m, p.n, is_row); other += LANES) {
    let i = select(other, line, is_row);
    let j = select(line - p.m, other, is_row);
    // The row has done it.
    if (!is_row && exponents[found_first + i] >= 256u) {
      continue;
    }
    var sum = 0.0;
    for (var k = start; k < end; k++) {
      let b = element_at(p.b_first + j * p.b_line + k * p.b_step);
      sum = fma(a[p.a_first + i * p.a_line + k * p.a_step], b, sum);
    }
    c[p.c_first + id.group.z * p.c_block + i * p.ldc + j] += p.scale * sum;
  }
}
