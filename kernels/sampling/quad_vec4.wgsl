// One of two parts that stand before sampling.wgsl, for a vocabulary that is a multiple of 4. `logits` and `p` are
// sampling.wgsl's.

alias Element = vec4u;

// The bits of the four logits of a row from token 4 q on.
fn quad(row: u32, q: u32) -> vec4u {
  return logits[row * p.quads + q];
}
