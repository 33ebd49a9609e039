// before: device/invocation.wgsl

// Makes the tokens that a row has less probable, each once: z <- z / penalty, or z * penalty where z < 0. Bit t % 32 of
// seen[slot, t / 32] says whether the row in that slot has token t. Adds the row's last token to `seen` first. One lane
// for each word of a row.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  vocab: u32,
  words: u32, // of a row in `seen`
  penalty: f32,
}

@group(0) @binding(0) var<storage, read_write> logits: array<f32>; // [rows, vocab]
@group(0) @binding(1) var<storage, read_write> seen: array<u32>; // [slots, words]
@group(0) @binding(2) var<storage, read> token: array<u32>; // [rows]
@group(0) @binding(3) var<storage, read> slot: array<u32>; // [rows]
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let index = group_index(id.group, id.groups) * LANES + local.x;
  if (index >= p.rows * p.words) {
    return;
  }
  let row = index / p.words;
  let word = index % p.words;
  let at = slot[row] * p.words + word;
  var bits = seen[at];
  if (token[row] / 32u == word) {
    bits |= 1u << (token[row] % 32u);
    seen[at] = bits;
  }
  while (bits != 0u) {
    let place = row * p.vocab + 32u * word + firstTrailingBit(bits);
    let z = logits[place];
    logits[place] = select(z / p.penalty, z * p.penalty, z < 0.0);
    bits &= bits - 1u;
  }
}
