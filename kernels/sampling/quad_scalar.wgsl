// One of two parts that stand before sampling.wgsl, for a vocabulary of any size. `logits`, `p` and `PAD` are
// sampling.wgsl's.

alias Element = u32;

// The bits of the four logits of a row from token 4 q on, PAD where there are fewer.
fn quad(row: u32, q: u32) -> vec4u {
  let i = vec4u(4 * q) + vec4u(0, 1, 2, 3);
  let at = vec4u(row * p.vocab) + min(i, vec4u(p.vocab - 1));
  return select(vec4u(PAD), vec4u(logits[at.x], logits[at.y], logits[at.z], logits[at.w]), i < vec4u(p.vocab));
}
