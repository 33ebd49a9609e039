// Preference losses of a micro-batch of pairs, their derivatives, and metrics. One workgroup; sums in a fixed order.
//
// The log-probabilities of policy and reference stand at 2i (chosen) and 2i + 1 (rejected); with noise, the reference's
// rejected one is the noised one:
//   d+ = policy - reference of the chosen, d- = policy - reference of the rejected
//   m = factor * (d+ / n+ - d- / n- - offset), the pair's margin; n is the response's tokens if per_token, else 1
// The loss by its link, with the smoothing e:
//   0 logistic: ((1 - e) softplus(-m) - e softplus(m)) / (1 - 2 e)
//   1 hinge: max(0, 1 - m)
//   2 square: m^2
// Overwrites dlogp with the derivatives of scale * sum of the loss (model loss) at the policy's log-probabilities, and
// dnoised with those of -scale * sum of the loss (noise loss) at the noised ones, 0 without noise.
// Adds to metrics, in this order: loss, noise/loss, noise/variance, rewards/chosen, rewards/rejected,
// rewards/accuracies, rewards/margins, logps/chosen, logps/rejected. Rewards are against the reference without noise.

override LANES: u32 = 64;

struct Params {
  pairs: u32,
  link: u32,
  per_token: u32,
  noised: u32,
  factor: f32,
  offset: f32,
  smoothing: f32,
  beta: f32,
  scale: f32,
  variance_scale: f32,
}

@group(0) @binding(0) var<storage, read_write> dlogp: array<f32>; // [2 pairs]
@group(0) @binding(1) var<storage, read_write> dnoised: array<f32>; // [pairs]
@group(0) @binding(2) var<storage, read_write> metrics: array<f32>; // [9 or more]
@group(0) @binding(3) var<storage, read> policy_logps: array<f32>; // [2 pairs]
@group(0) @binding(4) var<storage, read> reference_logps: array<f32>; // [2 pairs]
@group(0) @binding(5) var<storage, read> noised_logps: array<f32>; // [pairs]
@group(0) @binding(6) var<storage, read> sigma_squared: array<f32>; // [pairs]
@group(0) @binding(7) var<storage, read> lengths: array<u32>; // [2 pairs]
@group(0) @binding(8) var<uniform> p: Params;

var<workgroup> partial: array<mat3x3f, LANES>;

// exp(x) for x <= 0, as accurate as f32 allows: the error of the built-in exp may grow with |x|.
fn exp_negative(x: f32) -> f32 {
  let k = round(max(x, -87.0) * 1.4426950);
  // ln 2 in two parts; the first has so few bits that its product with k is exact.
  let r = (max(x, -87.0) - k * 0.693145751953125) - k * 1.4286068e-6;
  let series = 1.0 + r * (1.0 + r * (0.5 + r * (0.16666667 + r * (0.041666668 +
    r * (0.008333333 + r * (0.0013888889 + r * 0.00019841270))))));
  return series * bitcast<f32>(u32(i32(k) + 127) << 23u);
}

// ln(1 + t) for 0 <= t <= 1, as 2 atanh(t / (2 + t)).
fn log1p_unit(t: f32) -> f32 {
  let s = t / (2.0 + t);
  let s2 = s * s;
  return 2.0 * s * (1.0 + s2 * (0.33333334 + s2 * (0.2 + s2 * (0.14285715 + s2 * (0.11111111 +
    s2 * (0.09090909 + s2 * (0.07692308 + s2 * 0.06666667)))))));
}

fn softplus(x: f32) -> f32 {
  return max(x, 0.0) + log1p_unit(exp_negative(-abs(x)));
}

fn sigmoid(x: f32) -> f32 {
  let t = exp_negative(-abs(x));
  return select(t, 1.0, x >= 0.0) / (1.0 + t);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u) {
  let lane = local.x;
  var sum = mat3x3f();
  for (var i = lane; i < p.pairs; i += LANES) {
    let c = 2u * i;
    let r = c + 1u;
    let chosen = policy_logps[c] - reference_logps[c];
    let rejected = policy_logps[r] - reference_logps[r];
    var against = rejected;
    var variance = 0.0;
    if (p.noised != 0u) {
      against = policy_logps[r] - noised_logps[i];
      variance = p.variance_scale * sigma_squared[i];
    }
    let per_token = select(vec2f(1.0), 1.0 / vec2f(f32(lengths[c]), f32(lengths[r])), p.per_token != 0u);
    let m = p.factor * (chosen * per_token.x - against * per_token.y - p.offset);
    // The loss, and its derivative at m with a factor of its own.
    var loss = 0.0;
    var dm = 0.0;
    var dscale = 1.0;
    switch (p.link) {
      case 1u: {
        loss = max(0.0, 1.0 - m);
        dm = select(0.0, -1.0, m < 1.0);
      }
      case 2u: {
        loss = m * m;
        dm = 2.0 * m;
      }
      default: {
        let e = p.smoothing;
        dscale = 1.0 / (1.0 - 2.0 * e);
        loss = dscale * ((1.0 - e) * softplus(-m) - e * softplus(m));
        dm = -((1.0 - e) * sigmoid(-m) + e * sigmoid(m));
      }
    }
    // The derivatives at d+ and -d-.
    let slope = dscale * p.factor * dm * per_token;
    // max() may drop a NaN that the guard has to see. Comparisons with NaN are unreliable, so its bits are tested.
    loss = select(loss, m, (bitcast<u32>(m) & 0x7fffffffu) > 0x7f800000u);
    let noise = select(0.0, 1.0, p.noised != 0u);
    dlogp[c] = p.scale * slope.x;
    dlogp[r] = -p.scale * slope.y;
    // d- falls as the noised log-probability rises, and the noise maximizes the loss: the two signs cancel.
    dnoised[i] = -p.scale * slope.y * noise;
    let reward = p.beta * vec2f(chosen, rejected);
    sum += mat3x3f(
      vec3f(p.scale * loss, -p.scale * loss * noise, variance),
      p.scale * vec3f(reward, select(0.0, 1.0, reward.x > reward.y)),
      p.scale * vec3f(reward.x - reward.y, policy_logps[c], policy_logps[r]),
    );
  }
  partial[lane] = sum;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
  }
  if (lane == 0) {
    let total = partial[0];
    metrics[0] += total[0].x;
    metrics[1] += total[0].y;
    metrics[2] += total[0].z;
    metrics[3] += total[1].x;
    metrics[4] += total[1].y;
    metrics[5] += total[1].z;
    metrics[6] += total[2].x;
    metrics[7] += total[2].y;
    metrics[8] += total[2].z;
  }
}
