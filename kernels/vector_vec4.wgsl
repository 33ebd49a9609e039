// The element type V of a kernel that vector.ts declares twice: here four f32.

alias V = vec4f;
const WIDTH = 4u; // number of f32 in a V

// The sum of the components.
fn total(v: V) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

// The sum of the products of the components.
fn product(a: V, b: V) -> f32 {
  return dot(a, b);
}
