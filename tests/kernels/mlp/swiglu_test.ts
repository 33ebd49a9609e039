import { swiglu, swigluBackward } from "../../../kernels/mlp/swiglu.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { guarded, randomF32, readF32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";
import { numericGradient } from "../../_shared/finite_difference.ts";

/** silu(gate) · up in float64. */
function reference(gateUp: ArrayLike<number>, { rows, inner }: { rows: number; inner: number }): Float64Array {
  return Float64Array.from({ length: rows * inner }, (_, at) => {
    const i = at % inner;
    const base = Math.floor(at / inner) * 2 * inner;
    const gate = gateUp[base + i]!;
    return gate / (1 + Math.exp(-gate)) * gateUp[base + inner + i]!;
  });
}

/** The gradient of gate_up in float64. */
function referenceBackward(
  dact: ArrayLike<number>,
  { gateUp, rows, inner }: { gateUp: ArrayLike<number>; rows: number; inner: number },
): Float64Array {
  const out = new Float64Array(rows * 2 * inner);
  for (let at = 0; at < rows * inner; at++) {
    const i = at % inner;
    const base = Math.floor(at / inner) * 2 * inner;
    const gate = gateUp[base + i]!;
    const s = 1 / (1 + Math.exp(-gate));
    out[base + i] = dact[at]! * gateUp[base + inner + i]! * s * (1 + gate * (1 - s));
    out[base + inner + i] = dact[at]! * gate * s;
  }
  return out;
}

for (const { family, commands } of families) {
  for (const [rows, inner] of [[1, 1], [3, 7], [5, 64], [9, 1036]] as const) {
    Deno.test(`swiglu() and swigluBackward() match the reference at ${rows}x${inner} (${family})`, async () => {
      const gateUp = randomF32(rows * 2 * inner, 1, 3);
      const dact = randomF32(rows * inner, 2);
      const buffers = {
        act: guarded(rows * inner),
        dgateUp: guarded(rows * 2 * inner),
        gateUp: guarded(gateUp),
        dact: guarded(dact),
      };
      swiglu(commands, { ...buffers, rows, inner });
      swigluBackward(commands, { ...buffers, rows, inner });
      commands.submit();
      assertClose(await readF32(buffers.act), reference(gateUp, { rows, inner }), { rtol: 2e-6, atol: 1e-7 });
      assertClose(await readF32(buffers.dgateUp), referenceBackward(dact, { gateUp, rows, inner }), {
        rtol: 2e-6,
        atol: 1e-6,
      });
      release(...Object.values(buffers));
    });
  }

  Deno.test(`swiglu() and swigluBackward() stay finite for large gates (${family})`, async () => {
    const gates = [-1e30, -1e4, -100, -88, -0, 0, 88, 100, 1e4, 1e15];
    const gateUp = Float32Array.from([...gates, ...gates.map(() => 2)]);
    const dact = new Float32Array(gates.length).fill(0.5);
    const sizes = { rows: 1, inner: gates.length };
    const buffers = {
      act: guarded(gates.length),
      dgateUp: guarded(2 * gates.length),
      gateUp: guarded(gateUp),
      dact: guarded(dact),
    };
    swiglu(commands, { ...buffers, ...sizes });
    swigluBackward(commands, { ...buffers, ...sizes });
    commands.submit();
    assertClose(await readF32(buffers.act), reference(gateUp, sizes), { rtol: 1e-6, atol: 1e-30 });
    assertClose(await readF32(buffers.dgateUp), referenceBackward(dact, { gateUp, ...sizes }), {
      rtol: 1e-6,
      atol: 1e-30,
    });
    release(...Object.values(buffers));
  });
}

Deno.test("the reference gradient of SwiGLU matches finite differences", () => {
  const sizes = { rows: 2, inner: 3 };
  const gateUp = Float64Array.from(randomF32(12, 1));
  const dact = Float64Array.from(randomF32(6, 2));
  const loss = (): number => reference(gateUp, sizes).reduce((sum, y, i) => sum + y * dact[i]!, 0);
  assertClose(referenceBackward(dact, { gateUp, ...sizes }), numericGradient(loss, gateUp), { rtol: 1e-6, atol: 1e-8 });
});
