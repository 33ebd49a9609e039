// One of two parts that stand before a kernel of vector.ts: its element type V is one f32.

alias V = f32;
const WIDTH = 1u; // f32 in a V

// The sum of the components.
fn total(v: V) -> f32 {
  return v;
}

// The sum of the products of the components.
fn product(a: V, b: V) -> f32 {
  return a * b;
}
