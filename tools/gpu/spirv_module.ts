/** As much of SPIR-V as it takes to change the shape of a module's matrices, and to know its bindings. @module */

/** Where the instructions begin, after the header. */
const HEADER = 5;
/** The header's word that no identifier reaches. */
const BOUND = 3;

/** Opcodes, and what stands in their words. */
const OP = { constant: 43, typeInt: 21, variable: 59, decorate: 71, typeMatrix: 4456 } as const;

const BINDING = 33;

/** StorageClass. */
const UNIFORM = 2;

/** The use of a cooperative matrix: a, b or the sums. */
const USES = ["a", "b", "sums"] as const;

/** Rows and columns of c, and what they are sums over. */
export interface Shape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** An instruction: its opcode, and its words with the opcode's before them. */
interface Instruction {
  readonly op: number;
  readonly words: Uint32Array;
}

function* instructionsOf(module: Uint32Array): Generator<Instruction> {
  for (let at = HEADER; at < module.length;) {
    const count = module[at]! >>> 16;
    if (count === 0) throw new Error(`Cannot read SPIR-V: an instruction at word ${at} has no words`);
    yield { op: module[at]! & 0xffff, words: module.subarray(at, at + count) };
    at += count;
  }
}

function wordsOf(module: Uint8Array): Uint32Array {
  return new Uint32Array(module.slice().buffer);
}

/**
 * The module with its cooperative matrices in another shape; strides and places stay as they are. Throws Error where it has
 * none.
 */
export function withMatrixShape(module: Uint8Array, shape: Shape): Uint8Array<ArrayBuffer> {
  const words = wordsOf(module);
  const all = [...instructionsOf(words)];
  const values = new Map(all.filter(({ op }) => op === OP.constant).map(({ words: [, , id, value] }) => [id, value]));
  const first = all.findIndex(({ op }) => op === OP.typeMatrix);
  const u32 = all.find(({ op, words: [, , width, signed] }) => op === OP.typeInt && width === 32 && signed === 0);
  if (first < 0 || u32 === undefined) throw new Error("Cannot change the shape of matrices: there are none");
  let bound = words[BOUND]!;
  const ids = new Map([...new Set(Object.values(shape))].map((size) => [size, bound++]));
  const constants = [...ids].map(([size, id]) => Uint32Array.of(4 << 16 | OP.constant, u32.words[1]!, id, size));
  const reshaped = all.map(({ op, words }) => {
    if (op !== OP.typeMatrix) return words;
    const [head, id, type, scope, , , use] = words;
    const [rows, columns] = { a: [shape.m, shape.k], b: [shape.k, shape.n], sums: [shape.m, shape.n] }[
      USES[values.get(use!)!]!
    ];
    return Uint32Array.of(head!, id!, type!, scope!, ids.get(rows!)!, ids.get(columns!)!, use!);
  });
  const header = words.slice(0, HEADER);
  header[BOUND] = bound;
  const parts = [header, ...reshaped.slice(0, first), ...constants, ...reshaped.slice(first)];
  return new Uint8Array(Uint32Array.from(parts.flatMap((part) => [...part])).buffer);
}

/** Whether each binding, by its number, is of uniforms, or else of a buffer. Throws Error where numbers are left out. */
export function uniformBindings(module: Uint8Array): boolean[] {
  const all = [...instructionsOf(wordsOf(module))];
  const classes = new Map(
    all.filter(({ op }) => op === OP.variable).map(({ words: [, , id, storage] }) => [id, storage]),
  );
  const found: boolean[] = [];
  for (const { op, words: [, target, decoration, value] } of all) {
    if (op === OP.decorate && decoration === BINDING) found[value!] = classes.get(target!) === UNIFORM;
  }
  if (Object.keys(found).length !== found.length) throw new Error("Cannot read SPIR-V: bindings are not consecutive");
  return found;
}
