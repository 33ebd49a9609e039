/** Unrolling in generated WGSL. @module */

/** Joins the texts for i = 0 … count − 1. */
export function unroll(count: number, text: (i: number) => string, separator = "\n"): string {
  return Array.from({ length: count }, (_, i) => text(i)).join(separator);
}

/**
 * WGSL in which each loop `for (var i = 0u; i < NAME; i++) { … }` stands `count` times, with a constant `i`: what it
 * indexes with that can be in registers, whether or not a compiler would unroll the loop. Other lines keep their
 * numbers.
 */
export function unrollLoops(text: string, { name, count }: { name: string; count: number }): string {
  const head = `for (var i = 0u; i < ${name}; i++) {`;
  const at = text.indexOf(head);
  if (at < 0) return text;
  let end = at + head.length;
  for (let depth = 1; depth > 0; end++) {
    if (end === text.length) throw new TypeError(`Cannot unroll a loop up to ${name}: its bracket is not closed`);
    if (text[end] === "{") depth++;
    if (text[end] === "}") depth--;
  }
  const body = text.slice(at + head.length, end);
  const oneLine = body.replace(/\/\/[^\n]*/g, "").replace(/\s+/g, " ");
  const lines = "\n".repeat(body.split("\n").length - 1);
  const rest = unrollLoops(text.slice(end), { name, count });
  return text.slice(0, at) + unroll(count, (i) => `{ const i = ${i}u;${oneLine}`, " ") + lines + rest;
}
