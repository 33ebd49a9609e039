import { deepEqual, throws } from "node:assert/strict";
import { uniformBindings, withMatrixShape } from "../../../tools/gpu/spirv_module.ts";

/** An instruction's words: an opcode, and what follows it. */
function instruction(op: number, ...rest: number[]): number[] {
  return [(rest.length + 1) << 16 | op, ...rest];
}

const HEADER = [0x07230203, 0x00010600, 0, 20, 0];
const DECORATE = (id: number, binding: number): number[] => instruction(71, id, 33, binding);
const VARIABLE = (id: number, storage: number): number[] => instruction(59, 1, id, storage);
const CONSTANT = (id: number, value: number): number[] => instruction(43, 2, id, value);
const U32 = instruction(21, 2, 32, 0);

function moduleOf(...parts: readonly number[][]): Uint8Array {
  return new Uint8Array(Uint32Array.from([...HEADER, ...parts.flat()]).buffer);
}

Deno.test("withMatrixShape() gives each matrix the rows and columns of its use", () => {
  const matrix = (id: number, use: number, size: readonly [number, number] = [6, 6]): number[] =>
    instruction(4456, id, 3, 5, ...size, use);
  const before = [U32, CONSTANT(5, 3), CONSTANT(6, 8), CONSTANT(7, 0), CONSTANT(8, 1), CONSTANT(9, 2)];
  const after = [DECORATE(1, 0)];
  const module = moduleOf(...before, matrix(10, 7), matrix(11, 8), matrix(12, 9), ...after);
  const expected = moduleOf(
    ...before,
    CONSTANT(20, 8),
    CONSTANT(21, 16),
    CONSTANT(22, 4),
    matrix(10, 7, [20, 22]),
    matrix(11, 8, [22, 21]),
    matrix(12, 9, [20, 21]),
    ...after,
  );
  new DataView(expected.buffer).setUint32(12, 23, true);
  deepEqual(withMatrixShape(module, { m: 8, n: 16, k: 4 }), expected);
  throws(() => withMatrixShape(moduleOf(...before), { m: 8, n: 8, k: 8 }), /there are none$/);
});

Deno.test("uniformBindings() tells uniforms from buffers by their numbers, of which none is left out", () => {
  const variables = [VARIABLE(3, 12), VARIABLE(4, 2), VARIABLE(5, 12)];
  deepEqual(uniformBindings(moduleOf(DECORATE(4, 0), DECORATE(3, 2), DECORATE(5, 1), ...variables)), [
    true,
    false,
    false,
  ]);
  throws(() => uniformBindings(moduleOf(DECORATE(4, 0), DECORATE(3, 2), ...variables)), /not consecutive$/);
});
