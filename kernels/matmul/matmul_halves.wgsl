// before: storage/storage_text.ts (generated), device/float16.wgsl, device/invocation.wgsl

// A factor's lines in float16, as matrix units read them: matrices of LINES lines by DEPTH of k, with a line's k side by
// side. BAND matrices of one step of k follow one another, then those of the next step, and then the next lines.
// Each line is scaled by a power of two, so that its largest number is 2^14 ≤ |x| < 2^15. With two PARTS each matrix is
// followed by one of what float16 leaves of its numbers. What lies beyond the lines and beyond k is 0, and so is a whole
// line with a number that is not finite. An invocation writes four k of a line.

override LANES: u32 = 64;
override LINES: u32 = 16;
override DEPTH: u32 = 16;
override BAND: u32 = 1;
override PARTS: u32 = 1;

struct Params {
  lines: u32,
  k_first: u32,
  k_last: u32,
  k_block: u32, // z blocks follow one another
  first: u32, // element of x
  line_step: u32, // elements from one line to the next
  k_step: u32, // and from one k to the next
  found_first: u32, // the first line's exponent
  found_block: u32, // from one block's exponents to the next's
  steps: u32, // matrices along k, in each block
}

@group(0) @binding(0) var<storage, read_write> out: array<u32>; // two halves to a word
@group(0) @binding(1) var<storage, read_write> powers: array<vec2f>; // as exponents: what undoes a line's scale, in two
@group(0) @binding(2) var<storage, read> x: array<u32>; // as it is stored
@group(0) @binding(3) var<storage, read> scales: array<u32>; // of a quantized x
@group(0) @binding(4) var<storage, read> exponents: array<u32>;
@group(0) @binding(5) var<uniform> p: Params;

fn put(at: u32, v: vec4f) {
  out[at / 2u] = pack2x16float(v.xy);
  out[at / 2u + 1u] = pack2x16float(v.zw);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let at = group_index(vec3u(id.group.xy, 0u), id.groups) * LANES + local.x;
  let fours = p.steps * (DEPTH / 4u);
  let matrix = at / (LINES * fours);
  let bands = (p.lines + LINES * BAND - 1u) / (LINES * BAND);
  if (matrix >= bands * BAND) {
    return;
  }
  // Neighbours read neighbours.
  let own = at % (LINES * fours);
  let along = p.k_step == 1u;
  let r = select(own % LINES, own / fours, along);
  let k = 4u * select(own / LINES, own % fours, along);
  let line = matrix * LINES + r;
  let start = p.k_first + id.group.z * p.k_block;
  let end = min(start + p.k_block, p.k_last);
  var v = vec4f();
  if (line < p.lines) {
    let found_at = p.found_first + id.group.z * p.found_block + line;
    let found = exponents[found_at];
    // From 14 on, so that the scale and its inverse are normal numbers.
    let exponent = i32(max(found & 255u, 14u)) - 141;
    if (k == 0u) {
      powers[found_at] = vec2f(power(exponent >> 1u), power(exponent - (exponent >> 1u)));
    }
    for (var q = 0u; q < 4u; q++) {
      if (start + k + q < end && found < 256u) {
        v[q] = element_at(p.first + line * p.line_step + (start + k + q) * p.k_step) * power(-exponent);
      }
    }
  }
  let step = (id.group.z * bands + matrix / BAND) * p.steps + k / DEPTH;
  let to = ((step * BAND + matrix % BAND) * PARTS * LINES + r) * DEPTH + k % DEPTH;
  let high = eleven_bits(v);
  put(to, high);
  if (PARTS == 2u) {
    put(to + LINES * DEPTH, eleven_bits(v - high));
  }
}
