// How sampling.wgsl reads logits if the vocabulary's size is a multiple of 4. It declares `logits` and `p`.

alias Element = vec4u;

// The bits of a row's four logits from token 4 q on.
fn quad(row: u32, q: u32) -> vec4u {
  return logits[row * p.quads + q];
}
