// before: storage/storage_text.ts (generated), storage/quantize.ts (generated), device/invocation.wgsl

// Quantizes rows [rows, columns] of x: codes and scales of the groups from `first_group` on, as storage.ts defines them.
// Overwrites these and leaves the others; sets bad[0] to `mark` if a number is not finite or its scale is too large.
// One lane for each eight numbers, which it reads once. Divisions may be inexact on a device, so that scales are made
// with integers, and codes are corrected by their remainders, which float32 holds exactly: all devices give the host's
// bits.

override LANES: u32 = 64;

struct Params {
  columns: u32,
  groups: u32, // of the rows
  row_groups: u32, // of a row
  first_group: u32,
  mark: u32,
}

@group(0) @binding(0) var<storage, read_write> codes: array<u32>; // whole groups
@group(0) @binding(1) var<storage, read_write> stored_scales: array<u32>;
@group(0) @binding(2) var<storage, read_write> bad: array<u32>; // [1]
@group(0) @binding(3) var<storage, read> x: array<u32>; // [rows, columns], as stored
@group(0) @binding(4) var<uniform> p: Params;

var<workgroup> parts: array<f32, LANES>; // of each lane's numbers the furthest from zero

// v · 2^exponent, where v has at least 12 bits, as a binary16, rounded to nearest even. It may be infinite.
fn half_of(v: u32, exponent: i32) -> u32 {
  let shift = max(i32(firstLeadingBit(v)) - 10, -24 - exponent);
  if (shift > 30) {
    return 0;
  }
  let rest = v & ((1u << u32(shift)) - 1u);
  let middle = 1u << u32(shift - 1);
  var kept = v >> u32(shift);
  kept += select(0u, 1u, rest > middle || (rest == middle && (kept & 1) == 1));
  return min((u32(exponent + shift + 24) << 10u) + kept, 0x7c00u);
}

// The scale of a group whose number of the largest size is `furthest`, as it is stored.
fn stored_scale(furthest: f32) -> u32 {
  let bits = bitcast<u32>(furthest);
  let power = (bits >> 23u) & 255u;
  let mantissa = (bits & 0x7fffffu) | 0x800000u;
  if (KIND == NF4) {
    return bits & 0x7fffffffu;
  }
  // Numbers below float32's normal ones count as zero.
  var size = 0u;
  if (KIND == INT8 && power != 0) {
    // What the division drops cannot decide: 127 times a middle between two binary16 has no more bits than a float32.
    size = half_of(mantissa * 128 / 127, i32(power) - 157);
  } else if (power != 0) {
    size = half_of(mantissa, i32(power) - 153);
  }
  return select(((bits >> 16u) & 0x8000u) ^ 0x8000u, 0u, KIND == INT8) | size;
}

fn code_of(w: f32, scale: f32) -> u32 {
  if (KIND == NF4) {
    var code = 0u;
    for (var i = 0u; i < 15; i++) {
      code += select(0u, 1u, w > scale * MIDDLES[i]);
    }
    return select(code, 7u, scale == 0);
  }
  let middle = abs(scale) / 2;
  if (scale == 0) {
    return ZERO;
  }
  if (KIND == INT8) {
    var code = clamp(i32(round(w / scale)), -127, 127);
    let rest = w - f32(code) * scale;
    let odd = (code & 1) == 1;
    if (rest > middle || (rest == middle && odd)) {
      code++;
    } else if (rest < -middle || (rest == -middle && odd)) {
      code--;
    }
    return u32(clamp(code, -127, 127));
  }
  var code = clamp(i32(floor(w / scale + 8.5)), 0, 15);
  let rest = (w - f32(code - 8) * scale) * sign(scale);
  if (rest >= middle) {
    code++;
  } else if (rest < -middle) {
    code--;
  }
  return u32(clamp(code, 0, 15));
}

// A group's number of the larger size; of two, the first.
fn further(a: f32, b: f32) -> f32 {
  return select(a, b, abs(b) > abs(a));
}

// The furthest number of the group whose lanes begin with `start`.
fn furthest_of(start: u32) -> f32 {
  var furthest = 0f;
  for (var i = 0u; i < EIGHTS; i++) {
    furthest = further(furthest, parts[start + i]);
  }
  return furthest;
}

// Four numbers of a group from its i-th on, filled up with zeros.
fn numbers_at(first: u32, i: u32, count: u32) -> vec4f {
  var w = vec4f();
  if (i < count) {
    w.x = element_at(first + i);
  }
  if (i + 1 < count) {
    w.y = element_at(first + i + 1);
  }
  if (i + 2 < count) {
    w.z = element_at(first + i + 2);
  }
  if (i + 3 < count) {
    w.w = element_at(first + i + 3);
  }
  return w;
}

fn is_finite(w: vec4f) -> bool {
  return all((bitcast<vec4u>(w) & vec4u(0x7f800000)) != vec4u(0x7f800000));
}

fn packed(w: vec4f, scale: f32) -> u32 {
  let codes = vec4u(code_of(w.x, scale), code_of(w.y, scale), code_of(w.z, scale), code_of(w.w, scale));
  let fields = (codes & vec4u((1u << BITS) - 1)) << vec4u(0, BITS, 2 * BITS, 3 * BITS);
  return fields.x | fields.y | fields.z | fields.w;
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let lane = local.x;
  let word = p.first_group / WORD_GROUPS + group_index(id.group, id.groups) * (LANES / SPAN) + lane / SPAN;
  let j = lane % EIGHTS;
  // Wraps around before the first group.
  let at = word * WORD_GROUPS + lane % SPAN / EIGHTS - p.first_group;
  let is_used = at < p.groups;
  var low = vec4f();
  var high = vec4f();
  if (is_used) {
    let column = at % p.row_groups * GROUP;
    let first = at / p.row_groups * p.columns + column;
    let count = min(GROUP, p.columns - column);
    low = numbers_at(first, 8 * j, count);
    high = numbers_at(first, 8 * j + 4, count);
  }
  let low_end = further(further(further(further(0, low.x), low.y), low.z), low.w);
  parts[lane] = further(further(further(further(low_end, high.x), high.y), high.z), high.w);
  workgroupBarrier();
  if (!is_used) {
    return;
  }
  let stored = stored_scale(furthest_of(lane - j));
  let scale = scale_value(stored);
  if (!is_finite(low) || !is_finite(high) || (bitcast<u32>(scale) & 0x7f800000) == 0x7f800000) {
    bad[0] = p.mark;
  }
  let eight = (p.first_group + at) * EIGHTS + j;
  if (KIND == INT8) {
    codes[2 * eight] = packed(low, scale);
    codes[2 * eight + 1] = packed(high, scale);
  } else {
    codes[eight] = packed(low, scale) | (packed(high, scale) << 16);
  }
  if (j > 0) {
    return;
  }
  if (WORD_GROUPS == 1) {
    stored_scales[word] = stored;
    return;
  }
  // The first of a word's groups that are here stores what both have.
  if (lane % SPAN == 0) {
    var pair = stored_scales[word] & 0xffff0000u;
    if (at + 1 < p.groups) {
      pair = stored_scale(furthest_of(lane + EIGHTS)) << 16;
    }
    stored_scales[word] = pair | stored;
  } else if (at == 0) {
    stored_scales[word] = (stored_scales[word] & 0xffffu) | (stored << 16);
  }
}
