// before: device/float16.wgsl, device/invocation.wgsl

// The heads of q, k and v in float16, as matrix units read them. A workgroup takes one head of a tile, and scales it by a
// power of two, so that its largest number is 2^14 ≤ |x| < 2^15; with two PARTS what float16 leaves of each number
// follows, a plane further. A head with a number that is not finite is 0, and its power NaN.
//
// Tokens have slots: a tile's begin at a multiple of DEPTH, and what fills its last DEPTH up is 0. A group of heads is
// one plane for each part, [PADDED / DEPTH, rows, DEPTH]; q's rows are the group's heads of a slot, then those of the
// next; k's are slots. v has its tokens side by side: [slots / DEPTH, PADDED, DEPTH]. Heads are filled up with zeros.

override LANES: u32 = 64;
override HEAD: u32 = 64; // a multiple of 4
override PADDED: u32 = 64; // whole matrices
override DEPTH: u32 = 16; // of a matrix along what is summed
override PARTS: u32 = 1;

struct Params {
  tile_count: u32,
  heads: u32,
  kv_heads: u32,
  slots: u32, // of all tiles, a multiple of DEPTH
}

@group(0) @binding(0) var<storage, read_write> halves: array<u32>; // two to a word: all planes of q, then k's, then v's
@group(0) @binding(1) var<storage, read_write> powers: array<f32>; // [heads + 2 kv_heads, slots / DEPTH], where a tile begins
@group(0) @binding(2) var<storage, read_write> first_slots: array<u32>; // [tokens], where a tile begins
@group(0) @binding(3) var<storage, read> qkv: array<vec4f>; // [tokens, heads + 2 kv_heads, HEAD]
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

// Writes four numbers of two neighbouring tokens.
fn put_pair(at: u32, a: vec4f, b: vec4f) {
  for (var i = 0u; i < 4u; i++) {
    halves[(at + i * DEPTH) / 2u] = pack2x16float(vec2f(a[i], b[i]));
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32, id: Workgroup) {
  let index = group_index(id.group, id.groups);
  let all_heads = p.heads + 2 * p.kv_heads;
  let tile_index = index / all_heads;
  let head = index % all_heads;
  if (tile_index >= p.tile_count) {
    return;
  }
  let tile = tiles[tile_index];
  // Tiles do not overlap, for each has DEPTH slots more than the tokens before it.
  let first_slot = (tile.x + DEPTH - 1u) / DEPTH * DEPTH + DEPTH * tile_index;
  let vectors = HEAD / 4u;
  let x_first = (tile.x * all_heads + head) * vectors;
  let x_step = all_heads * vectors;

  var most = 0u;
  for (var e = lane; e < tile.y * vectors; e += LANES) {
    let exponents = (bitcast<vec4u>(qkv[x_first + e / vectors * x_step + e % vectors]) >> vec4u(23u)) & vec4u(255u);
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
    powers[head * (p.slots / DEPTH) + first_slot / DEPTH] = bitcast<f32>(select(0x7fc00000u, bits, is_finite));
    if (head == 0u) {
      first_slots[tile.x] = first_slot;
    }
  }

  let tokens = (tile.y + DEPTH - 1u) / DEPTH * DEPTH;
  let scale = power(-exponent);
  let padded = PADDED / 4u;
  if (head >= p.heads + p.kv_heads) {
    let plane = PADDED * p.slots;
    let first = head * PARTS * plane + first_slot * PADDED;
    for (var e = lane; e < tokens / 2u * padded; e += LANES) {
      let d = e / (DEPTH / 2u) % padded;
      let token = e / (DEPTH / 2u * padded) * DEPTH + 2u * (e % (DEPTH / 2u));
      let x_at = x_first + token * x_step + d;
      let is_there = is_finite && d < vectors;
      var a = vec4f();
      var b = vec4f();
      if (is_there && token < tile.y) {
        a = qkv[x_at] * scale;
      }
      if (is_there && token + 1u < tile.y) {
        b = qkv[x_at + x_step] * scale;
      }
      let at = first + (token / DEPTH * PADDED + 4u * d) * DEPTH + token % DEPTH;
      let high_a = eleven_bits(a);
      let high_b = eleven_bits(b);
      put_pair(at, high_a, high_b);
      if (PARTS == 2u) {
        put_pair(at + plane, eleven_bits(a - high_a), eleven_bits(b - high_b));
      }
    }
    return;
  }
  let is_query = head < p.heads;
  let group_size = select(1u, p.heads / p.kv_heads, is_query);
  let plane = PADDED * p.slots * group_size;
  // The group's planes begin where those of its heads' numbers would.
  let first = (head - head % group_size) * PARTS * PADDED * p.slots;
  for (var e = lane; e < tokens * padded; e += LANES) {
    let token = e / padded;
    let d = e % padded;
    let is_there = is_finite && d < vectors;
    var v = vec4f();
    if (is_there && token < tile.y) {
      v = qkv[x_first + token * x_step + d] * scale;
    }
    let row = (first_slot + token) * group_size + head % group_size;
    let at = first + (4u * d / DEPTH * p.slots * group_size + row) * DEPTH + 4u * d % DEPTH;
    let high = eleven_bits(v);
    put_line(at, high);
    if (PARTS == 2u) {
      put_line(at + plane, eleven_bits(v - high));
    }
  }
}
