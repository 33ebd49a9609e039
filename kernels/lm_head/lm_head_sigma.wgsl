// The noise's scale, bounded by s.

struct Sigma {
  value: vec4f, // s * tanh(r / s)
  slope: vec4f, // d value / d r = 1 - tanh(r / s)^2
}

fn sigma_of(r: vec4f, s: f32) -> Sigma {
  // The built-in tanh overflows on some drivers, and 1 - tanh^2 would lose its digits where tanh is near 1.
  let x = r / s;
  let x2 = x * x;
  let e = exp(-2.0 * abs(x));
  let sum = 1.0 + e;
  let series = 1.0 + x2 * (-0.33333334 + x2 * (0.13333334 + x2 * (-0.053968254 + x2 * 0.021869488)));
  let tangent = select(sign(x) * (1.0 - e) / sum, x * series, abs(x) < vec4f(0.25));
  return Sigma(s * tangent, 4.0 * e / (sum * sum));
}
