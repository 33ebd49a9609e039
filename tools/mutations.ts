/**
 * Wrong formulas, each of which a test must catch: see mutate.ts. The file is long because it is one table, with a line
 * for each of them. @module
 */

/** One wrong formula. */
export interface Mutation {
  /** File under kernels/. */
  file: string;
  /** What is wrong, in a few words. */
  what: string;
  /** Text that occurs once in the file. */
  search: string;
  /** What takes its place. */
  replace: string;
  /** The test under tests/kernels/ that must fail. */
  test: string;
}

/** The mutations of one file: what is wrong, the text, what takes its place. */
function of(
  file: string,
  { test }: { test: string },
  ...rows: readonly (readonly [what: string, search: string, replace: string])[]
): Mutation[] {
  return rows.map(([what, search, replace]) => ({ file, what, search, replace, test: `${test}_test.ts` }));
}

/** All mutations, of every shader, written by hand or generated. */
export const MUTATIONS: readonly Mutation[] = [
  ...of(
    "norm/add_rms_norm.wgsl",
    { test: "norm/rms_norm" },
    ["sign", "a[base + c] + b[base + c]", "a[base + c] - b[base + c]"],
    ["eps missing", " + p.eps", ""],
    ["weight missing", "* inv * weight[c]", "* inv"],
  ),
  ...of(
    "optimizer/adamw.wgsl",
    { test: "optimizer/adamw" },
    ["bias correction of v missing", "sqrt(square) / sqrt(control.c2)", "sqrt(square)"],
    ["bias correction of m missing", "p.lr / control.c1", "p.lr"],
    ["clipping missing", "control.factor * gradients[i]", "gradients[i]"],
    ["decays one element too many", "i < p.decayed", "i <= p.decayed"],
    ["eps inside the root", "sqrt(square) / sqrt(control.c2) + p.eps", "sqrt(square + p.eps) / sqrt(control.c2)"],
    ["guard ignored", "i >= p.count || control.apply == 0", "i >= p.count"],
  ),
  ...of(
    "optimizer/rmsprop.wgsl",
    { test: "optimizer/adamw" },
    ["clipping missing", "control.factor * gradients[i]", "gradients[i]"],
    ["sign of the update", "kept - p.lr", "kept + p.lr"],
    ["average's share", "p.one_minus_alpha * g * g", "g * g"],
    ["guard ignored", "i >= p.count || control.apply == 0", "i >= p.count"],
  ),
  ...of(
    "matmul/bias_gradient.wgsl",
    { test: "matmul/bias_gradient" },
    ["overwrites", "sum += sums[at];", ""],
    ["first row left out", "var r = first;", "var r = first + 1;"],
  ),
  ...of(
    "optimizer/control.wgsl",
    { test: "optimizer/guard" },
    ["fields exchanged", "factor: f32, // of the gradients, from clipping\n  norm: f32", "norm: f32,\n  factor: f32"],
  ),
  ...of(
    "sampling/decode_step.wgsl",
    { test: "sampling/decode_step" },
    ["limit off by one", "place >= limit[row]", "place > limit[row]"],
    ["one EOS id too few", "order < vec4u(p.eos_count)", "order + 1 < vec4u(p.eos_count)"],
    ["position stays", "position[row] = place;", "position[row] = place - 1;"],
    ["finished rows go on", "finished[row] != 0", "finished[row] == 2"],
  ),
  ...of(
    "rows/embedding_backward.wgsl",
    { test: "rows/embedding" },
    ["overwrites", "p.columns + c] += sum", "p.columns + c] = sum"],
    ["last token left out", "e < end", "e + 1 < end"],
    ["window ignored", "ids[u] - p.first", "ids[u]"],
  ),
  ...of(
    "rows/gather_rows.wgsl",
    { test: "rows/gather_rows" },
    ["last row of the window left out", "source >= p.window", "source + 1 >= p.window"],
    ["wrong row", "x[source * p.columns + c]", "x[row * p.columns + c]"],
  ),
  ...of(
    "rows/scatter_rows.wgsl",
    { test: "rows/gather_rows" },
    ["last entry left out", "e < end", "e + 1 < end"],
    ["adds", "dx[row * p.columns + c] = sum", "dx[row * p.columns + c] += sum"],
  ),
  ...of(
    "optimizer/gradient_norm.wgsl",
    { test: "optimizer/guard" },
    ["not squared", "sum += g * g", "sum += g"],
    ["last element of a block left out", "i < end;", "i + 1 < end;"],
  ),
  ...of(
    "optimizer/gradient_norm_finish.wgsl",
    { test: "optimizer/guard" },
    ["no root", "let norm = sqrt(sums[0]);", "let norm = sums[0];"],
    ["clips always", "p.max_norm > 0.0 && norm > p.max_norm", "p.max_norm > 0.0"],
    ["clips at 0", "p.max_norm > 0.0 && norm > p.max_norm", "norm > p.max_norm"],
  ),
  ...of(
    "optimizer/guard.wgsl",
    { test: "optimizer/guard" },
    ["Inf passes", "(bits & 0x7f800000u) == 0x7f800000u", "(bits & 0x7fffffffu) > 0x7f800000u"],
    ["loss ignored", "var bad = is_bad(metrics[p.loss_slot]);", "var bad = false;"],
    ["first bad step lost", "min(controls[group].control.first_bad_step, p.step)", "p.step"],
    ["t off by one", "control.t + 1;", "control.t + 2;"],
    ["digits of small 1 - beta^t lost", "x > 0.5", "x > 0.0"],
  ),
  ...of(
    "norm/head_norm.wgsl",
    { test: "norm/head_norm" },
    ["k heads take q's weight", "head < p.heads)", "head < normed)"],
    ["eps missing", " + p.eps", ""],
    ["v heads normed", "let normed = p.heads + p.kv_heads;", "let normed = all_heads;"],
  ),
  ...of(
    "norm/head_norm_backward.wgsl",
    { test: "norm/head_norm" },
    ["sign of the pull", "- qkv[base + i] * pull", "+ qkv[base + i] * pull"],
    ["inv_rms squared, not cubed", "inv * inv * inv * sum", "inv * inv * sum"],
    ["mean is a sum", "sum / f32(p.vectors * WIDTH)", "sum"],
  ),
  ...of(
    "norm/head_norm_backward_weight.wgsl",
    { test: "norm/head_norm" },
    ["inv_rms missing", "qkv[at] * inv_rms[token * (p.heads + p.kv_heads) + head]", "qkv[at]"],
    ["last token of a chunk left out", "min(first + CHUNK, p.tokens)", "min(first + CHUNK - 1, p.tokens)"],
  ),
  ...of(
    "norm/head_norm_backward_sum.wgsl",
    { test: "norm/head_norm" },
    ["overwrites", "dq_weight[item] += sum", "dq_weight[item] = sum"],
    ["last chunk left out", "chunk < p.chunks", "chunk + 1 < p.chunks"],
  ),
  ...of(
    "attention/kv_cache.wgsl",
    { test: "attention/attention_decode" },
    ["k and v exchanged", "k_cache[place] = qkv[source];", "k_cache[place] = qkv[source + p.kv_vectors];"],
    ["position off by one", "position[token])", "position[token] + 1)"],
    ["slot ignored", "slot[token] * p.max_length", "token * p.max_length"],
  ),
  ...of(
    "lm_head/lm_head.wgsl",
    { test: "lm_head/lm_head" },
    ["padding counted", "columns_of(block) < vec4u(p.columns)", "columns_of(block) < vec4u(p.columns + 1)"],
    ["tiles before forgotten", "merge(before.xy, partial[0])", "partial[0]"],
  ),
  ...of(
    "lm_head/lm_head_shared.wgsl",
    { test: "lm_head/lm_head" },
    ["maximum not subtracted", "b.y * exp(b.x - m)", "b.y"],
    ["columns off by one", "vec4u(0u, 1u, 2u, 3u)", "vec4u(1u, 2u, 3u, 4u)"],
  ),
  ...of(
    "lm_head/lm_head_finish.wgsl",
    { test: "lm_head/lm_head" },
    ["sign", "(s.z - s.x) - log_sum", "(s.z - s.x) + log_sum"],
    ["lse without the maximum", "= s.x + log_sum", "= log_sum"],
  ),
  ...of(
    "lm_head/lm_head_backward.wgsl",
    { test: "lm_head/lm_head" },
    ["sign", "- probability)", "+ probability)"],
    ["target's 1 missing", "vec4f(1.0), columns == wanted", "vec4f(0.0), columns == wanted"],
    ["scale missing", "g * (select", "(select"],
  ),
  ...of(
    "lm_head/lm_head_noise.wgsl",
    { test: "lm_head/lm_head" },
    ["sign of the noise", "z + sigma * normal4", "z - sigma * normal4"],
    ["key's halves exchanged", "vec2u(p.seed, p.iteration)", "vec2u(p.iteration, p.seed)"],
    ["counter's step missing", "examples[entry], p.step)", "examples[entry], 0u)"],
    ["counter's t off by one", "positions[entry], examples", "positions[entry] + 1u, examples"],
    ["variance not squared", "dot(sigma, sigma)", "dot(sigma, vec4f(1.0))"],
  ),
  ...of(
    "lm_head/lm_head_sigma.wgsl",
    { test: "lm_head/lm_head" },
    ["bound missing", "Sigma(s * tangent", "Sigma(tangent"],
    ["slope without the square", "4.0 * e / (sum * sum)", "2.0 * e / sum"],
  ),
  ...of(
    "lm_head/lm_head_noise_backward.wgsl",
    { test: "lm_head/lm_head" },
    ["factor 2 of the variance", "2.0 * p.variance_scale", "p.variance_scale"],
    ["tanh's slope missing", "sigma.value) * sigma.slope", "sigma.value)"],
    ["noise missing in z~", "sigma.value * n - log_sum", "sigma.value - log_sum"],
  ),
  ...of(
    "lm_head/lm_head_noise_bias.wgsl",
    { test: "lm_head/lm_head" },
    ["overwrites", "dbias[at] += sum.x", "dbias[at] = sum.x"],
    ["last row left out", "row < p.rows;", "row + 1u < p.rows;"],
  ),
  ...of(
    "random/uniform_fill.wgsl",
    { test: "random/uniform_fill" },
    ["sign", "let negative = x < 0x80000000u;", "let negative = x >= 0x80000000u;"],
    ["carry lost", "select(0u, 1u, w1 < carry)", "0u"],
    ["not rounded to 53 bits", "(w1 & 0x400u) != 0u && ", "false && "],
    ["ties of 53 bits upwards", "(((w1 & 0xbffu) | w0) != 0u)", "true"],
    ["ties of 24 bits upwards", "(((w2 & 0x17fu) | w1) != 0u)", "true"],
    ["first words left out", "block * 4u + lane - p.skip", "block * 4u + lane"],
  ),
  ...of(
    "lm_head/lm_head_noise.ts",
    { test: "lm_head/lm_head" },
    ["gradient of the last tile alone", "accumulate: tile.first > 0,", "accumulate: false,"],
  ),
  ...of(
    "random/philox.wgsl",
    { test: "random/philox" },
    ["nine rounds", "philox_round(c, key + 9u * weyl)", "c"],
    ["carry lost", " + (carried >> 16u)", ""],
    ["half a step missing in the angle", "(f32(rest) + 0.5)", "f32(rest)"],
    ["cos and sin exchanged", "select(cosine, -sine, odd)", "select(sine, -cosine, odd)"],
  ),
  ...of(
    "loss/preference_loss.wgsl",
    { test: "loss/preference_loss" },
    ["sign of the margin", "chosen * per_token.x - against", "chosen * per_token.x + against"],
    ["no offset", "against * per_token.y - p.offset", "against * per_token.y"],
    ["noise loss's sign", "dnoised[i] = -p.scale", "dnoised[i] = p.scale"],
    ["wrong tokens", "against * per_token.y", "against * per_token.x"],
    ["hinge's margin", "max(0.0, 1.0 - m)", "max(0.0, -m)"],
    ["second term of the smoothing", "- e * softplus(m))", "+ e * softplus(m))"],
    ["rewards against the noise", "vec2f(chosen, rejected)", "vec2f(chosen, against)"],
    ["NaN dropped", "> 0x7f800000u", "> 0x7fffffffu"],
    ["accuracy not strict", "reward.x > reward.y", "reward.x >= reward.y"],
  ),
  ...of(
    "loss/sft_loss.wgsl",
    { test: "loss/sft_loss" },
    ["sign of the derivative", "dlogp[s] = -p.scale", "dlogp[s] = p.scale"],
    ["overwrites the metric", "metrics[0] -= p.scale * partial[0]", "metrics[0] = -p.scale * partial[0]"],
  ),
  ...of(
    "norm/rms_norm.wgsl",
    { test: "norm/rms_norm" },
    ["eps missing", " + p.eps", ""],
    ["weight missing", "* inv * weight[c]", "* inv"],
    ["mean off by one", "f32(p.columns * WIDTH)", "f32(p.columns * WIDTH - 1)"],
  ),
  ...of(
    "norm/rms_norm_backward.wgsl",
    { test: "norm/rms_norm" },
    ["sign of the pull", "- pull * x[base + c]", "+ pull * x[base + c]"],
    ["inv_rms squared, not cubed", "* inv * inv * inv;", "* inv * inv;"],
    ["never adds", "p.accumulate == 1", "p.accumulate == 2"],
  ),
  ...of(
    "norm/rms_norm_backward_weight.wgsl",
    { test: "norm/rms_norm" },
    ["inv_rms missing", " * inv_rms[r];", ";"],
    ["last row of a block left out", "min(first + p.block_rows, p.rows)", "min(first + p.block_rows, p.rows - 1)"],
  ),
  ...of(
    "attention/rope.wgsl",
    { test: "attention/rope" },
    ["sign", "a * cosine - b * sine", "a * cosine + b * sine"],
    ["position off by one", "position[token] * 2", "(position[token] + 1) * 2"],
    ["one head too few", "row % p.rotated_heads", "row % (p.rotated_heads - 1)"],
  ),
  ...of(
    "sampling/sampling.wgsl",
    { test: "sampling/sampling" },
    ["temperature missing", "(values - top) / p.temperature", "(values - top)"],
    ["top-k off by one", "f32(p.top_k)", "f32(p.top_k + 1)"],
    ["top-p of all", "out.amount = amount * f0.x", "out.amount = amount"],
    ["ties dropped", "(keys > vec4u(cut)) | (same & in_time)", "keys > vec4u(cut)"],
    ["counter's halves exchanged", "vec4u(position[at], row_id[at], 0, 0)", "vec4u(row_id[at], position[at], 0, 0)"],
    ["greedy takes the last maximum", "keys > best)", "keys >= best)"],
  ),
  ...of(
    "loss/sequence_sum.wgsl",
    { test: "loss/sequence_sum" },
    ["last entry left out", "e < end;", "e + 1 < end;"],
    ["stride missing", "sequence * p.stride", "sequence"],
  ),
  ...of(
    "mlp/swiglu.wgsl",
    { test: "mlp/swiglu" },
    ["sigmoid's sign", "select(e, V(1.0), gate >= V())", "select(V(1.0), e, gate >= V())"],
    ["up missing", "gate * up *", "gate *"],
  ),
  ...of(
    "mlp/swiglu_backward.wgsl",
    { test: "mlp/swiglu" },
    ["second term missing", "(1.0 + gate * complement)", "1.0"],
    ["sign", "dgate_up[at + p.inner] = d", "dgate_up[at + p.inner] = -d"],
  ),
  ...of(
    "attention/attention_text.ts",
    { test: "attention/attention" },
    ["causal mask off by one", "key${i} <= t &&", "key${i} < t &&"],
    ["window off by one", "key${i} + p.window > newest", "key${i} + p.window >= newest"],
    ["scale missing", "const SCALE = ${wgslNumber(shape.scale)};", "const SCALE = 1.0;"],
    ["position in the prefix", "place.z + t - place.x", "t"],
  ),
  ...of(
    "attention/attention_source.ts",
    { test: "attention/attention" },
    ["earlier keys not rescaled", "sum = sum * shrink +", "sum = sum +"],
    ["lse without the maximum", "top + log(sum)", "log(sum)"],
    ["dq without delta", '" + ")\n          } - delta);`)', '" + ")\n          });`)'],
    ["dq without scale", "dq${d} * SCALE", "dq${d}"],
    ["keys' causal mask off by one", "query${i} >= key &&", "query${i} > key &&"],
    ["keys' window off by one", "position${i} < key_position + p.window", "position${i} <= key_position + p.window"],
    ["dk without delta", " - saved${i}.y);", ");"],
    ["one query head of a group left out", "member < group_size", "member + 1u < group_size"],
  ),
  ...of(
    "attention/attention_decode_text.ts",
    { test: "attention/attention_decode" },
    ["newest key hidden", '"place" : "place + 1"', '"place" : "place"'],
    ["newest key taken twice", '"place" : "place + 1"', '"place + 1" : "place + 1"'],
    ["window off by one", "place + 1 - min(p.window, place + 1)", "place + 1 - min(p.window + 1, place + 1)"],
    ["lanes not rescaled (subgroup)", "subgroupAdd(sum${g} * scale${g})", "subgroupAdd(sum${g})"],
    ["lanes not rescaled (shared)", "sums[i] * exp(tops[i] - top_all)", "sums[i]"],
    ["query head's group", "head / per_kv", "head % p.kv_heads"],
    ["rotated the other way", "cos${d} - ${name}${d + half} * sin${d}", "cos${d} + ${name}${d + half} * sin${d}"],
    ["stored beside its place", "(cache_row + place * p.kv_heads) * N", "(cache_row + (place + 1) * p.kv_heads) * N"],
    ["a lane's store left out", "lane < ${share.length}u", "lane + 1 < ${share.length}u"],
  ),
  ...of(
    "matmul/matmul_text.ts",
    { test: "matmul/matmul" },
    ["bf16's halves exchanged", ".xzyw", ".zxwy"],
    ["one column too few", "if (column + ${q}u < p.n)", "if (column + ${q}u + 1u < p.n)"],
    ["texels of a line", "% ${IMAGE_WIDTH}u", "% ${IMAGE_WIDTH / 2}u"],
    ["bf16's texel", 'texel("b", 8)', 'texel("b", 4)'],
    ["bf16's eight in a buffer", "b[at / 8u]", "b[at / 8u + 1u]"],
    ["bias of the wrong column", "bias[min(column + ${q}u, p.n - 1u)]", "bias[min(column, p.n - 1u)]"],
  ),
  ...of(
    "matmul/matmul_broadcast.ts",
    { test: "matmul/matmul" },
    ["overwrites", "p.accumulate != 0u", "p.accumulate == 2u"],
    ["last k left out", "`${k} < k_last`", "`${k} + 1u < k_last`"],
    ["last row left out", "`  if (row + ${i}u < p.m) {\\n`", "`  if (row + ${i}u + 1u < p.m) {\\n`"],
    ["k block ignored", "p.k_first + group.z * p.k_block", "p.k_first"],
    ["bf16's halves of eight k", '["xy", "zw"]', '["zw", "xy"]'],
    ["bf16's second step past the end", "k + ${4 * s + q}u >= k_last", "k + ${q}u >= k_last"],
    ["bf16's pairs of columns", "j % 2 * 4", "j % 2 * width"],
  ),
  ...of(
    "matmul/matmul_shared.ts",
    { test: "matmul/matmul" },
    ["overwrites", "p.accumulate != 0u", "p.accumulate == 2u"],
    ["reads beyond k", "${from} + ${q}u < k_last);`", "true);`"],
    ["sums overwritten", "${value}), b${j}, c${i}_${j});`", "${value}), b${j}, vec4f());`"],
    ["slots of four k coincide", "(4u * ${k} + ${q}u)", "(4u * ${k})"],
  ),
  ...of(
    "matmul/matmul_reduce.wgsl",
    { test: "matmul/matmul" },
    ["overwrites", "sum = c[at] + sum;", ""],
    ["last block left out", "block < p.blocks", "block + 1u < p.blocks"],
    ["bias missing", "sum += bias[column];", ""],
  ),
  ...of(
    "norm/row_sum_shared.wgsl",
    { test: "norm/rms_norm" },
    ["half of the lanes left out", "half = LANES / 2;", "half = LANES / 4;"],
  ),
  ...of(
    "norm/row_sum_subgroup.wgsl",
    { test: "norm/rms_norm" },
    ["a lane's own value alone", "return subgroupAdd(value);", "return value;"],
  ),
  ...of(
    "device/invocation.wgsl",
    { test: "device/invocation" },
    ["second row of the grid ignored", "group.x + group.y * groups.x", "group.x"],
  ),
  ...of(
    "vector_scalar.wgsl",
    { test: "norm/rms_norm" },
    ["width of four", "const WIDTH = 1u;", "const WIDTH = 4u;"],
  ),
  ...of(
    "vector_vec4.wgsl",
    { test: "norm/rms_norm" },
    ["component lost in a total", "(v.x + v.y) + (v.z + v.w)", "(v.x + v.y) + (v.z + v.z)"],
  ),
  ...of(
    "vector_scalar.wgsl",
    { test: "attention/attention" },
    ["product of one side with itself", "return a * b;", "return a * a;"],
  ),
  ...of(
    "vector_vec4.wgsl",
    { test: "attention/attention" },
    ["product of one side with itself", "dot(a, b)", "dot(a, a)"],
  ),
  ...of(
    "sampling/quad_scalar.wgsl",
    { test: "sampling/sampling" },
    ["fourth logit is the third", "logits[at.z], logits[at.w]", "logits[at.z], logits[at.z]"],
  ),
  ...of(
    "sampling/quad_vec4.wgsl",
    { test: "sampling/sampling" },
    ["row ignored", "logits[row * p.quads + q]", "logits[q]"],
  ),
];
