/** Kernels that count their own loads and stores: WGSL in which each index into a storage array adds to a counter. @module */
import { defineKernel, type Kernel } from "../../kernels/device/kernel.ts";
import { joinParts } from "../../kernels/device/source.ts";
import type { UniformFields } from "../../kernels/device/uniform.ts";

/** The binding of the counters: for each binding of the kernel its loads, then its stores, in elements. */
export const COUNTERS = "access_counters";

/** A kernel that counts. */
export interface CountingKernel {
  readonly kernel: Kernel<string, UniformFields>;
  /** Bytes of an element of each array; a binding that is no array is not there, and is not counted. */
  readonly elementBytes: ReadonlyMap<string, number>;
}

const BYTES: Readonly<Record<string, number>> = { f32: 4, u32: 4, i32: 4, vec2f: 8, vec2u: 8, vec4f: 16, vec4u: 16 };

/**
 * The kernel with counters as one more binding. What is indexed on the left of `=` is a store, of `+=` and its like a
 * load and a store, after `&` the same; all else is a load, of the whole element. Throws TypeError where the text does
 * with an array what cannot be counted.
 */
export function countAccesses<B extends string, U extends UniformFields>(kernel: Kernel<B, U>): CountingKernel {
  const joined = joinParts(kernel.code.map(({ name, text }) => ({ name, text: withoutComments(text) })));
  const elementBytes = new Map<string, number>();
  for (const [, name, type] of joined.matchAll(/var<storage, \w+> (\w+): array<(\w+)>;/g)) {
    elementBytes.set(name!, bytesOf(type!, joined));
  }
  const names = [...elementBytes.keys()];
  const at = kernel.bindingNames.length;
  const parts = kernel.code.map(({ name, text }) => ({
    name,
    // The first line may name the parts before, which the declaration is held to.
    text: (/^\/\/ before: .+\n/.exec(text)?.[0] ?? "") +
      countIn(withoutComments(text), names).replace(`@binding(${at}) var<uniform>`, `@binding(${at + 1}) var<uniform>`),
  }));
  const own = parts.at(-1)!;
  own.text += `\n@group(0) @binding(${at}) var<storage, read_write> ${COUNTERS}: array<atomic<u32>>;\n`;
  for (const name of names) {
    const slot = 2 * kernel.bindingNames.indexOf(name as B);
    const [load, store] = [slot, slot + 1].map((i) => `atomicAdd(&${COUNTERS}[${i}], 1u);`);
    own.text += `fn ${name}_load(i: u32) -> u32 { ${load} return i; }\n`;
    own.text += `fn ${name}_store(i: u32) -> u32 { ${store} return i; }\n`;
    own.text += `fn ${name}_update(i: u32) -> u32 { ${load} ${store} return i; }\n`;
  }
  const spec = { ...kernel, code: parts, bindings: { ...kernel.bindings, [COUNTERS]: "readWrite" as const } };
  return { kernel: defineKernel(spec) as unknown as Kernel<string, UniformFields>, elementBytes };
}

function withoutComments(text: string): string {
  return text.replace(/\/\/[^\n]*/g, "");
}

/** Bytes of a type, through aliases. */
function bytesOf(type: string, code: string): number {
  const alias = new RegExp(`alias ${type} = (\\w+(?:<\\w+>)?);`).exec(code)?.[1];
  if (alias !== undefined) return bytesOf(alias, code);
  const bytes = BYTES[type];
  if (bytes === undefined) throw new TypeError(`Cannot count accesses: elements are ${type}, expected numbers`);
  return bytes;
}

/** The text with a call around each index into one of the arrays. */
function countIn(text: string, names: readonly string[]): string {
  if (names.length === 0) return text;
  const inserts: { at: number; text: string }[] = [];
  for (const { 0: name, index } of text.matchAll(new RegExp(`(?<![\\w.])(?:${names.join("|")})\\b`, "g"))) {
    const open = index + name.length;
    if (text[open] !== "[") {
      // An array is never a value. So this is its declaration, its length, or another thing of that name.
      if (!/(?<!&)(?<!arrayLength\()&$/.test(text.slice(0, index))) continue;
      throw new TypeError(`Cannot count accesses: ${name} is pointed to as a whole, expected an index`);
    }
    const close = closing(text, open);
    const after = text.slice(close + 1);
    const isPointer = /&\s*$/.test(text.slice(0, index)) && !/&&\s*$/.test(text.slice(0, index));
    const how = isPointer || /^(?:\.\w+)?\s*(?:(?:[-+*/%&|^]|<<|>>)=(?!=)|\+\+|--)/.test(after)
      ? "update"
      : /^(?:\.\w+)?\s*=(?!=)/.test(after)
      ? "store"
      : "load";
    inserts.push({ at: open + 1, text: `${name}_${how}(` }, { at: close, text: ")" });
  }
  let out = "";
  let done = 0;
  for (const { at, text: insert } of inserts.toSorted((a, b) => a.at - b.at)) {
    out += text.slice(done, at) + insert;
    done = at;
  }
  return out + text.slice(done);
}

/** The place of the bracket that closes the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "[") depth++;
    if (text[at] === "]" && --depth === 0) return at;
  }
  throw new TypeError("Cannot count accesses: a bracket is not closed");
}
