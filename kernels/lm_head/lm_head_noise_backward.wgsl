// before: lm_head/lm_head_shared.wgsl, lm_head/lm_head_sigma.wgsl, random/philox.wgsl, device/invocation.wgsl

// Gradient at the noise generator's output r, in place on its recomputed tile; z is the recomputed clean tile:
// dsigma = dlogp[sequences[e]] * ((v == targets[e]) - exp(z~ - lse_noised[e])) * n + 2 * variance_scale * sigma,
// noise_logits <- dsigma * (1 - tanh(r / s)^2); z~, sigma and n as in lm_head_noise.
// Padding up to a multiple of 4 becomes 0. first_column and stride are multiples of 4. One workgroup for each row.

override LANES: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  stride: u32,
  first_row: u32,
  first_column: u32,
  seed: u32,
  iteration: u32,
  step: u32,
  s: f32,
  variance_scale: f32,
}

@group(0) @binding(0) var<storage, read_write> noise_logits: array<vec4f>; // r, [rows, stride / 4]
@group(0) @binding(1) var<storage, read> logits: array<vec4f>; // [rows, stride / 4]
@group(0) @binding(2) var<storage, read> lse_noised: array<f32>; // [first_row + rows]
@group(0) @binding(3) var<storage, read> targets: array<u32>; // [first_row + rows]
@group(0) @binding(4) var<storage, read> examples: array<u32>; // [first_row + rows]
@group(0) @binding(5) var<storage, read> positions: array<u32>; // [first_row + rows]
@group(0) @binding(6) var<storage, read> sequences: array<u32>; // [first_row + rows]
@group(0) @binding(7) var<storage, read> dlogp: array<f32>; // [sequences]
@group(0) @binding(8) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let row = group_index(id.group, id.groups);
  if (row >= p.rows) {
    return;
  }
  let base = row * (p.stride / 4u);
  let blocks = (p.columns + 3u) / 4u;
  let entry = p.first_row + row;
  let counter = vec4u(p.first_column / 4u, positions[entry], examples[entry], p.step);
  let log_sum = lse_noised[entry];
  let g = dlogp[sequences[entry]];
  let wanted = vec4u(targets[entry] - p.first_column);
  for (var block = local.x; block < blocks; block += LANES) {
    let columns = columns_of(block);
    let sigma = sigma_of(noise_logits[base + block], p.s);
    let n = normal4(counter + vec4u(block, 0u, 0u, 0u), vec2u(p.seed, p.iteration));
    let probability = exp(logits[base + block] + sigma.value * n - log_sum);
    let dz = g * (select(vec4f(0.0), vec4f(1.0), columns == wanted) - probability);
    let dr = (dz * n + 2.0 * p.variance_scale * sigma.value) * sigma.slope;
    noise_logits[base + block] = select(vec4f(0.0), dr, columns < vec4u(p.columns));
  }
}
