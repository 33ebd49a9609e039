// before: vector_scalar.wgsl, device/invocation.wgsl, attention/cache_text.ts (generated)

// Rounds the k and v heads of qkv's tokens to 16 bits, and copies them to their places (slot, position) in a layer's KV
// cache. Overwrites those places and the k and v heads of qkv, so that whoever attends to these tokens sees what the
// cache has; sets overflow[0] to 1 if a number rounds to infinity. One lane for each word; heads have even sizes.

override LANES: u32 = 64;

struct Params {
  tokens: u32,
  q_words: u32,
  kv_words: u32,
  max_length: u32,
}

@group(0) @binding(0) var<storage, read_write> k_cache: array<Entry>; // [slots, max_length, kv_words]
@group(0) @binding(1) var<storage, read_write> v_cache: array<Entry>; // as k_cache
@group(0) @binding(2) var<storage, read_write> overflow: array<u32>; // [1]
@group(0) @binding(3) var<storage, read_write> qkv: array<vec2f>; // [tokens, q_words + 2 kv_words]
@group(0) @binding(4) var<storage, read> slot: array<u32>; // [tokens]
@group(0) @binding(5) var<storage, read> position: array<u32>; // [tokens]
@group(0) @binding(6) var<uniform> p: Params;

// Rounds two numbers of qkv in place, and gives them as an entry of the cache.
fn rounded(at: u32) -> Entry {
  let pair = qkv[at];
  let entry = entry_of(pair.x, pair.y);
  qkv[at] = vec2f(first(entry), second(entry));
  if (is_infinite(entry)) {
    overflow[0] = 1u;
  }
  return entry;
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let item = group_index(id.group, id.groups) * LANES + local.x;
  if (item >= p.tokens * p.kv_words) {
    return;
  }
  let token = item / p.kv_words;
  let i = item % p.kv_words;
  let source = token * (p.q_words + 2 * p.kv_words) + p.q_words + i;
  let place = (slot[token] * p.max_length + position[token]) * p.kv_words + i;
  k_cache[place] = rounded(source);
  v_cache[place] = rounded(source + p.kv_words);
}
