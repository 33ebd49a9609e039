// before: random/philox.wgsl, sampling/quad_{scalar|vec4}.wgsl, device/invocation.wgsl

// Samples a token for each row: the first v, in ascending order, whose cumulative probability exceeds u among the
// tokens that are kept. First the temperature applies; then top-k keeps the k most probable (and ties with the k-th);
// then top-p keeps the fewest of these whose probabilities sum to top_p or more (at least one; of equal ones the lower
// ids). Temperature 0 takes the first maximum.
//   u = (x_0 + 0.5) * 2^-32 of philox4x32((position, row, 0, 0), (seed, stream)); position is that of the row's last
//   token, whose logits these are.
// Overwrites token. One workgroup for each row; a row's token depends only on its logits, row and position.
// `quad` reads four logits at a time as bits. They are compared by integer keys in the same order, so that a threshold
// is found four bits at a time. Sums run over blocks, then over a lane's blocks: short chains keep f32 accurate.

override LANES: u32 = 64;
const MAX_BLOCKS = 1024u;
const PAD = 0xffffffffu; // a NaN, whose key is 0, below all others

struct Params {
  rows: u32,
  first: u32,
  vocab: u32,
  quads: u32,
  blocks: u32,
  block_quads: u32,
  temperature: f32,
  top_k: u32,
  top_p: f32,
  seed: u32,
  stream: u32,
}

@group(0) @binding(0) var<storage, read_write> token: array<u32>; // [first + rows]
@group(0) @binding(1) var<storage, read> logits: array<Element>; // [rows, vocab]
@group(0) @binding(2) var<storage, read> row_id: array<u32>; // [first + rows]
@group(0) @binding(3) var<storage, read> position: array<u32>; // [first + rows]
@group(0) @binding(4) var<uniform> p: Params;

var<workgroup> gathered: array<vec4f, LANES>;
var<workgroup> best_keys: array<u32, LANES>;
var<workgroup> best_at: array<u32, LANES>;
var<workgroup> lane_sums: array<f32, LANES>;
var<workgroup> block_sums: array<f32, MAX_BLOCKS>;
var<workgroup> found: u32;
var<workgroup> tie_weight: f32;

var<private> row: u32;
var<private> lane: u32;
var<private> top: f32; // the largest logit
var<private> top_at: u32; // where it first stands
var<private> cut: u32 = 1; // the smallest key that is kept
var<private> last_tie: u32 = 0xffffffff; // the last token with the key `cut` that is kept

fn keys_of(bits: vec4u) -> vec4u {
  let b = select(bits, vec4u(), bits == vec4u(0x80000000u)); // -0 is 0
  return select(b | vec4u(0x80000000u), ~b, b >= vec4u(0x80000000u));
}

fn value_of(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key ^ 0x80000000u, key >= 0x80000000u));
}

// Probabilities up to a common factor; the largest is 1.
fn weights_of(values: vec4f) -> vec4f {
  let x = (values - top) / p.temperature;
  return select(vec4f(), exp(x), x > vec4f(-87.0));
}

fn gather_sum(mine: vec4f) -> vec4f {
  gathered[lane] = mine;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      gathered[lane] += gathered[lane + half];
    }
  }
  return workgroupUniformLoad(&gathered[0]);
}

// The largest key; sets top_at to its first place.
fn find_top() -> u32 {
  var best = vec4u();
  var at = vec4u();
  for (var q = lane; q < p.quads; q += LANES) {
    let keys = keys_of(quad(row, q));
    at = select(at, vec4u(4 * q) + vec4u(0, 1, 2, 3), keys > best);
    best = max(best, keys);
  }
  let key = max(max(best.x, best.y), max(best.z, best.w));
  let places = select(vec4u(0xffffffff), at, best == vec4u(key));
  best_keys[lane] = key;
  best_at[lane] = min(min(places.x, places.y), min(places.z, places.w));
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      let other = best_keys[lane + half];
      let place = best_at[lane + half];
      if (other > best_keys[lane] || (other == best_keys[lane] && place < best_at[lane])) {
        best_keys[lane] = other;
        best_at[lane] = place;
      }
    }
  }
  top_at = workgroupUniformLoad(&best_at[0]);
  return workgroupUniformLoad(&best_keys[0]);
}

struct Threshold {
  key: u32, // the largest key such that the keys at or above it have the amount
  above: f32, // the amount that the keys above it have
  amount: f32, // the amount asked for
}

fn at_or_above(keys: vec4u, amounts: vec4f, bounds: vec4u) -> vec4f {
  return (select(vec4f(), vec4f(amounts.x), vec4u(keys.x) >= bounds) + select(vec4f(), vec4f(amounts.y), vec4u(keys.y) >= bounds)) +
    (select(vec4f(), vec4f(amounts.z), vec4u(keys.z) >= bounds) + select(vec4f(), vec4f(amounts.w), vec4u(keys.w) >= bounds));
}

// The largest key at or above which there are `amount` tokens or, by weight, the share `amount` of what `cut` keeps.
fn find_threshold(by_weight: bool, amount: f32) -> Threshold {
  var out = Threshold(0, 0.0, amount);
  // Where the lane's tokens in the range that is still open lie: no later digit has others.
  var begin = lane;
  var until = p.quads;
  for (var shift = 32u; shift > 0;) {
    shift -= 4;
    let b0 = vec4u(out.key) + (vec4u(0, 1, 2, 3) << vec4u(shift));
    let b1 = b0 + vec4u(4u << shift);
    let b2 = b1 + vec4u(4u << shift);
    let b3 = b2 + vec4u(4u << shift);
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    var first = 0xffffffffu;
    var last = 0u;
    for (var start = lane; start < until; start += 16 * LANES) {
      let end = min(start + 16 * LANES, until);
      var t0 = vec4f();
      var t1 = vec4f();
      var t2 = vec4f();
      var t3 = vec4f();
      for (var q = max(start, begin); q < end; q += LANES) {
        let bits = quad(row, q);
        let keys = keys_of(bits);
        // Keys outside the range that is still open are decided: none of them counts, or `above` has them all.
        let inside = ((keys >> vec4u(shift)) >> vec4u(4) == vec4u((out.key >> shift) >> 4)) & (keys >= vec4u(cut));
        if (any(inside)) {
          first = min(first, q);
          last = q + 1;
          var amounts = vec4f(1.0);
          if (by_weight) {
            amounts = weights_of(bitcast<vec4f>(bits));
          }
          amounts = select(vec4f(), amounts, inside);
          t0 += at_or_above(keys, amounts, b0);
          t1 += at_or_above(keys, amounts, b1);
          t2 += at_or_above(keys, amounts, b2);
          t3 += at_or_above(keys, amounts, b3);
        }
      }
      s0 += t0;
      s1 += t1;
      s2 += t2;
      s3 += t3;
    }
    begin = first;
    until = last;
    let f0 = out.above + gather_sum(s0);
    let f1 = out.above + gather_sum(s1);
    let f2 = out.above + gather_sum(s2);
    let f3 = out.above + gather_sum(s3);
    if (by_weight && shift == 28) {
      out.amount = amount * f0.x;
    }
    // The sums fall from bound to bound. The digit is the last bound that reaches the amount; `above` is the next sum.
    let goal = vec4f(out.amount);
    let reach = select(vec4u(), vec4u(1), f0 >= goal) + select(vec4u(), vec4u(1), f1 >= goal) +
      select(vec4u(), vec4u(1), f2 >= goal) + select(vec4u(), vec4u(1), f3 >= goal);
    let digit = max(reach.x + reach.y + reach.z + reach.w, 1u) - 1;
    if (digit < 15) {
      let short = max(
        max(select(vec4f(), f0, f0 < goal), select(vec4f(), f1, f1 < goal)),
        max(select(vec4f(), f2, f2 < goal), select(vec4f(), f3, f3 < goal)),
      );
      out.above = max(max(short.x, short.y), max(short.z, short.w));
    }
    out.key += digit << shift;
  }
  return out;
}

// What each of four tokens adds to the sum that `locate` walks along: 1 for a tie, or the weight if it is kept.
fn measure(q: u32, ties: bool) -> vec4f {
  let bits = quad(row, q);
  let keys = keys_of(bits);
  let same = keys == vec4u(cut);
  if (ties) {
    return select(vec4f(), vec4f(1.0), same);
  }
  let in_time = vec4u(4 * q) + vec4u(0, 1, 2, 3) <= vec4u(last_tie);
  return select(vec4f(), weights_of(bitcast<vec4f>(bits)), (keys > vec4u(cut)) | (same & in_time));
}

// The first token at which the running sum exceeds `goal` (ties) or the share `goal` of the whole (weights). If
// rounding keeps the sum below that, the last token that adds to it.
fn locate(ties: bool, goal: f32) -> u32 {
  for (var b = lane; b < p.blocks; b += LANES) {
    let end = min((b + 1) * p.block_quads, p.quads);
    var sum = vec4f();
    for (var q = b * p.block_quads; q < end; q++) {
      sum += measure(q, ties);
    }
    block_sums[b] = (sum.x + sum.y) + (sum.z + sum.w);
  }
  workgroupBarrier();
  let share = (p.blocks + LANES - 1) / LANES;
  var mine = 0.0;
  for (var b = lane * share; b < min(lane * share + share, p.blocks); b++) {
    mine += block_sums[b];
  }
  lane_sums[lane] = mine;
  workgroupBarrier();
  if (lane == 0) {
    var bound = goal;
    if (!ties) {
      var whole = 0.0;
      for (var i = 0u; i < LANES; i++) {
        whole += lane_sums[i];
      }
      bound = goal * whole;
    }
    var picked = 0u;
    var before = 0.0;
    var running = 0.0;
    for (var i = 0u; i < LANES; i++) {
      if (lane_sums[i] > 0.0) {
        picked = i;
        before = running;
        running += lane_sums[i];
        if (running > bound) {
          break;
        }
      }
    }
    let blocks_end = min(picked * share + share, p.blocks);
    var block = picked * share;
    running = before;
    for (var b = block; b < blocks_end; b++) {
      if (block_sums[b] > 0.0) {
        block = b;
        before = running;
        running += block_sums[b];
        if (running > bound) {
          break;
        }
      }
    }
    var at = top_at;
    running = before;
    let quads_end = min((block + 1) * p.block_quads, p.quads);
    for (var q = block * p.block_quads; q < quads_end && running <= bound; q++) {
      let w = measure(q, ties);
      if (w.x > 0.0) {
        at = 4 * q;
        running += w.x;
      }
      if (w.y > 0.0 && running <= bound) {
        at = 4 * q + 1;
        running += w.y;
      }
      if (w.z > 0.0 && running <= bound) {
        at = 4 * q + 2;
        running += w.z;
      }
      if (w.w > 0.0 && running <= bound) {
        at = 4 * q + 3;
        running += w.w;
      }
    }
    found = at;
  }
  return workgroupUniformLoad(&found);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  // A compiler takes what it reads from a private variable for different in every lane, and refuses barriers behind it.
  let own_row = group_index(id.group, id.groups);
  row = own_row;
  lane = local.x;
  if (own_row >= p.rows) {
    return;
  }
  let at = p.first + own_row;
  let top_key = find_top();
  if (p.temperature == 0.0) {
    if (lane == 0) {
      token[at] = top_at;
    }
    return;
  }
  top = value_of(top_key);
  if (p.top_k > 0 && p.top_k < p.vocab) {
    cut = max(find_threshold(false, f32(p.top_k)).key, 1u);
  }
  if (p.top_p < 1.0) {
    let threshold = find_threshold(true, p.top_p);
    cut = min(max(threshold.key, cut), top_key);
    if (lane == 0) {
      tie_weight = weights_of(vec4f(value_of(cut))).x;
    }
    let each = workgroupUniformLoad(&tie_weight);
    // Of the tokens with the last key, as many are kept as the amount needs.
    if (each > 0.0) {
      last_tie = locate(true, max(ceil((threshold.amount - threshold.above) / each), 1.0) - 0.5);
    }
  }
  let x = philox4x32(vec4u(position[at], row_id[at], 0, 0), vec2u(p.seed, p.stream)).x;
  // u rounded to the nearest f32, but never up to 1. A small u keeps its digits.
  let u = min((f32(x >> 8u) + (f32(x & 255u) + 0.5) / 256.0) * 5.9604644775390625e-8, 0.99999994);
  let picked = locate(false, u);
  if (lane == 0) {
    token[at] = picked;
  }
}
