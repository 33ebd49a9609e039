// before: storage/storage_text.ts (generated), device/invocation.wgsl

// The largest exponents of a matrix's lines over blocks of k: out[block, line] is the exponent of float32 (0 to 254, biased
// by 127) of the largest finite |x|, plus 256 if there is a number that is not finite.
// ACROSS lanes that are neighbours stand across k, the others along it. Any sizes.

override LANES: u32 = 64;
override ACROSS: u32 = 1;

struct Params {
  lines: u32,
  k_first: u32, // where z's first block begins
  k: u32,
  k_block: u32,
  first: u32, // element of x
  line_step: u32, // elements from one line to the next
  k_step: u32, // and from one k to the next
  out_first: u32,
  out_block: u32, // from one block's exponents to the next's
}

@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<u32>; // as it is stored
@group(0) @binding(2) var<storage, read> scales: array<u32>; // of a quantized x
@group(0) @binding(3) var<uniform> p: Params;

var<workgroup> found: array<u32, LANES>;

fn larger(a: u32, b: u32) -> u32 {
  return max(a & 255u, b & 255u) | ((a | b) & 256u);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let lane = local.x;
  let line = group_index(vec3u(id.group.xy, 0u), id.groups) * ACROSS + lane % ACROSS;
  let start = p.k_first + id.group.z * p.k_block;
  let end = min(start + p.k_block, p.k);
  var most = 0u;
  if (line < p.lines) {
    for (var k = start + lane / ACROSS; k < end; k += LANES / ACROSS) {
      let value = element_at(p.first + line * p.line_step + k * p.k_step);
      let exponent = (bitcast<u32>(value) >> 23u) & 255u;
      most = larger(most, select(exponent, 256u, exponent == 255u));
    }
  }
  found[lane] = most;
  for (var half = LANES / 2u; half >= ACROSS; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      found[lane] = larger(found[lane], found[lane + half]);
    }
  }
  workgroupBarrier();
  if (lane < ACROSS && line < p.lines) {
    out[p.out_first + id.group.z * p.out_block + line] = found[lane];
  }
}
