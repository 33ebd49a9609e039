// before: storage/storage_text.ts (generated), storage/quantize.ts (generated), device/invocation.wgsl

// Quantizes rows [rows, columns] of x: codes and scales of the groups from `first_group` on, as storage.ts defines them.
// Overwrites these and leaves the others; sets bad[0] to `mark` if a number is not finite or its scale is too large.
// One lane for each word of scales. Divisions may be inexact on a device, so that scales are made with integers, and
// codes are corrected by their remainders, which float32 holds exactly: all devices give the host's bits.

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

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let word = p.first_group / WORD_GROUPS + group_index(id.group, id.groups) * LANES + local.x;
  if (word * WORD_GROUPS >= p.first_group + p.groups) {
    return;
  }
  for (var h = 0u; h < WORD_GROUPS; h++) {
    // Wraps around before the first group.
    let at = word * WORD_GROUPS + h - p.first_group;
    if (at >= p.groups) {
      continue;
    }
    let column = at % p.row_groups * GROUP;
    let first = at / p.row_groups * p.columns + column;
    let count = min(GROUP, p.columns - column);
    var furthest = 0f;
    var finite = true;
    for (var i = 0u; i < count; i++) {
      let w = element_at(first + i);
      finite = finite && (bitcast<u32>(w) & 0x7f800000) != 0x7f800000;
      if (abs(w) > abs(furthest)) {
        furthest = w;
      }
    }
    let stored = stored_scale(furthest);
    let scale = scale_value(stored);
    if (!finite || (bitcast<u32>(scale) & 0x7f800000) == 0x7f800000) {
      bad[0] = p.mark;
    }
    const PER = 32 / BITS;
    for (var j = 0u; j < GROUP / PER; j++) {
      var packed = 0u;
      for (var q = 0u; q < PER; q++) {
        let i = j * PER + q;
        var w = 0f;
        if (i < count) {
          w = element_at(first + i);
        }
        packed |= (code_of(w, scale) & ((1u << BITS) - 1)) << (q * BITS);
      }
      codes[(p.first_group + at) * (GROUP / PER) + j] = packed;
    }
    if (WORD_GROUPS == 1) {
      stored_scales[word] = stored;
    } else {
      stored_scales[word] = (stored_scales[word] & (0xffff0000u >> (h * 16))) | (stored << (h * 16));
    }
  }
}
