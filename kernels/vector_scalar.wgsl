// The element type V of a kernel that vector.ts declares twice: here one f32.

alias V = f32;
const WIDTH = 1u; // number of f32 in a V

// The sum of the components.
fn total(v: V) -> f32 {
  return v;
}

// The sum of the products of the components.
fn product(a: V, b: V) -> f32 {
  return a * b;
}
