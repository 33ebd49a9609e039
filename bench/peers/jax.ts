/** jax-js on WebGPU, in this process. @module */
import type { JaxPeer } from "../bench_types.ts";
import { checkClose, seconds } from "../measure.ts";

/** Opens jax-js on the same adapter. Throws where it cannot. */
export async function openJax(version: string): Promise<JaxPeer> {
  const { blockUntilReady, defaultDevice, init, jit, numpy } = await import("@jax-js/jax");
  type Value = ReturnType<typeof numpy.array>;
  const { jaxGenerate, jaxStep } = await import("./jax_models.ts");
  await init("webgpu");
  defaultDevice("webgpu");
  return {
    version,
    step: jaxStep,
    generate: jaxGenerate,
    matmul({ mode, m, n, k, a, b, at, expected }) {
      const x = numpy.array(a).reshape(mode === "TN" ? [k, m] : [m, k]);
      const y = numpy.array(b).reshape(mode === "NT" ? [n, k] : [k, n]);
      const product = jit((p: Value, q: Value): Value =>
        numpy.matmul(mode === "TN" ? numpy.transpose(p) : p, mode === "NT" ? numpy.transpose(q) : q)
      );
      return {
        name: "jax-js",
        async check() {
          const values = await product(x.ref, y.ref).data();
          checkClose(at.map((i) => values[i]!), expected, { label: `jax-js ${mode}` });
        },
        run: (repeats) =>
          seconds(async () => {
            const results = Array.from({ length: repeats }, () => product(x.ref, y.ref));
            await blockUntilReady(results);
            for (const result of results) result.dispose();
          }),
        free() {
          x.dispose();
          y.dispose();
          product.dispose();
        },
      };
    },
  };
}
