// before: device/float16.wgsl, device/invocation.wgsl

// Heads in float16, as matrix units read them. A workgroup takes a group of heads of a tile, and scales it by a power of
// two, so that its largest number is 2^14 ≤ |x| < 2^15; with two PARTS what float16 leaves of each number follows, a plane
// further. A group with a number that is not finite is 0, and its power NaN.
//
// Tokens have slots: a tile's begin at a multiple of DEPTH, and what fills its last DEPTH up is 0. A group's rows are its
// heads of a slot, then those of the next. It has a plane for each part along heads, [PADDED / DEPTH, rows, DEPTH], and
// one along rows, which stand side by side: [rows / DEPTH, PADDED, DEPTH]; or either. Heads are filled up with zeros.

override LANES: u32 = 64;
override HEAD: u32 = 64; // a multiple of 4
override PADDED: u32 = 64; // whole matrices
override DEPTH: u32 = 16; // of a matrix along what is summed
override PARTS: u32 = 1;
override ALONG_HEADS: bool = true;
override ALONG_ROWS: bool = true;

struct Params {
  tile_count: u32,
  groups: u32,
  group_size: u32, // heads
  heads: u32, // of a token of x
  first_head: u32, // of the first group
  first_plane: u32, // of the first group, counted in planes of one head
  first_power: u32, // of the first group
  slots: u32, // of all tiles, a multiple of DEPTH
}

@group(0) @binding(0) var<storage, read_write> halves: array<u32>; // two to a word
@group(0) @binding(1) var<storage, read_write> powers: array<f32>; // [groups, slots / DEPTH], where a tile begins
@group(0) @binding(2) var<storage, read_write> first_slots: array<u32>; // [tokens], where a tile begins
@group(0) @binding(3) var<storage, read> x: array<vec4f>; // [tokens, heads, HEAD]
@group(0) @binding(4) var<storage, read> tiles: array<vec2u>; // [tile_count], in the order of tokens
@group(0) @binding(5) var<uniform> p: Params;

var<workgroup> found: array<u32, LANES>;

// The largest exponent of finite numbers, plus 256 if there are others.
fn larger(a: u32, b: u32) -> u32 {
  return max(a & 255u, b & 255u) | ((a | b) & 256u);
}

fn put_line(at: u32, v: vec4f) {
  halves[at / 2u] = pack2x16float(v.xy);
  halves[at / 2u + 1u] = pack2x16float(v.zw);
}

// Writes four numbers of two neighbouring rows.
fn put_pair(at: u32, a: vec4f, b: vec4f) {
  for (var i = 0u; i < 4u; i++) {
    halves[(at + i * DEPTH) / 2u] = pack2x16float(vec2f(a[i], b[i]));
  }
}

// A row's place in x, counted in heads from the tile's first row.
fn place_of(row: u32) -> u32 {
  return row / p.group_size * p.heads + row % p.group_size;
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32, id: Workgroup) {
  let index = group_index(id.group, id.groups);
  let tile_index = index / p.groups;
  let group = index % p.groups;
  if (tile_index >= p.tile_count) {
    return;
  }
  let tile = tiles[tile_index];
  // Tiles do not overlap, for each has DEPTH slots more than the tokens before it.
  let first_slot = (tile.x + DEPTH - 1u) / DEPTH * DEPTH + DEPTH * tile_index;
  let vectors = HEAD / 4u;
  let rows = tile.y * p.group_size;
  let x_first = (tile.x * p.heads + p.first_head + group * p.group_size) * vectors;

  var most = 0u;
  for (var e = lane; e < rows * vectors; e += LANES) {
    let own = x[x_first + place_of(e / vectors) * vectors + e % vectors];
    let exponents = (bitcast<vec4u>(own) >> vec4u(23u)) & vec4u(255u);
    for (var i = 0u; i < 4u; i++) {
      most = larger(most, select(exponents[i], 256u, exponents[i] == 255u));
    }
  }
  found[lane] = most;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      found[lane] = larger(found[lane], found[lane + half]);
    }
  }
  workgroupBarrier();
  most = found[0];
  // From 29 on, so that powers and their inverses are normal numbers, 2^14 times smaller ones too.
  let exponent = i32(max(most & 255u, 29u)) - 141;
  let is_finite = most < 256u;
  if (lane == 0u) {
    let bits = bitcast<u32>(power(exponent));
    let power_at = (p.first_power + group) * (p.slots / DEPTH) + first_slot / DEPTH;
    powers[power_at] = bitcast<f32>(select(0x7fc00000u, bits, is_finite));
    if (group == 0u) {
      first_slots[tile.x] = first_slot;
    }
  }

  let all_rows = (tile.y + DEPTH - 1u) / DEPTH * DEPTH * p.group_size;
  let scale = power(-exponent);
  let padded = PADDED / 4u;
  let plane = PADDED * p.slots * p.group_size;
  let first_row = first_slot * p.group_size;
  let ways = select(1u, 2u, ALONG_HEADS && ALONG_ROWS);
  var first = p.first_plane * PADDED * p.slots + group * ways * PARTS * plane;
  if (ALONG_HEADS) {
    for (var e = lane; e < all_rows * padded; e += LANES) {
      let row = e / padded;
      let d = e % padded;
      var v = vec4f();
      if (is_finite && d < vectors && row < rows) {
        v = x[x_first + place_of(row) * vectors + d] * scale;
      }
      let at = first + (4u * d / DEPTH * p.slots * p.group_size + first_row + row) * DEPTH + 4u * d % DEPTH;
      let high = eleven_bits(v);
      put_line(at, high);
      if (PARTS == 2u) {
        put_line(at + plane, eleven_bits(v - high));
      }
    }
    first += PARTS * plane;
  }
  if (ALONG_ROWS) {
    for (var e = lane; e < all_rows / 2u * padded; e += LANES) {
      let d = e / (DEPTH / 2u) % padded;
      let row = e / (DEPTH / 2u * padded) * DEPTH + 2u * (e % (DEPTH / 2u));
      let is_there = is_finite && d < vectors;
      var a = vec4f();
      var b = vec4f();
      if (is_there && row < rows) {
        a = x[x_first + place_of(row) * vectors + d] * scale;
      }
      if (is_there && row + 1u < rows) {
        b = x[x_first + place_of(row + 1u) * vectors + d] * scale;
      }
      let at = first + ((first_row + row) / DEPTH * PADDED + 4u * d) * DEPTH + row % DEPTH;
      let high_a = eleven_bits(a);
      let high_b = eleven_bits(b);
      put_pair(at, high_a, high_b);
      if (PARTS == 2u) {
        put_pair(at + plane, eleven_bits(a - high_a), eleven_bits(b - high_b));
      }
    }
  }
}
