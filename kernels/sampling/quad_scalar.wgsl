// How sampling.wgsl reads logits if the vocabulary has any size. It declares `logits`, `p` and `PAD`.

alias Element = u32;

// The bits of a row's four logits from token 4 q on; PAD takes the place of those that are missing.
fn quad(row: u32, q: u32) -> vec4u {
  let i = vec4u(4 * q) + vec4u(0, 1, 2, 3);
  let at = vec4u(row * p.vocab) + min(i, vec4u(p.vocab - 1));
  return select(vec4u(PAD), vec4u(logits[at.x], logits[at.y], logits[at.z], logits[at.w]), i < vec4u(p.vocab));
}
