/** TensorFlow.js on WebGPU, in this process. @module */
import type { MatmulPeer } from "../bench_types.ts";
import { checkClose, seconds } from "../measure.ts";

/** Opens TensorFlow.js on the same adapter. Throws where it cannot. */
export async function openTfjs(version: string): Promise<MatmulPeer> {
  const tf = await import("@tensorflow/tfjs-core");
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  if (!await tf.setBackend("webgpu")) throw new Error("TensorFlow.js does not open its WebGPU backend");
  await tf.ready();
  if (!(tf.backend() instanceof WebGPUBackend)) {
    throw new Error(`TensorFlow.js runs on ${tf.getBackend()}, expected WebGPU`);
  }
  return {
    version,
    matmul({ mode, m, n, k, a, b, at, expected }) {
      const x = tf.tensor2d(a, mode === "TN" ? [k, m] : [m, k]);
      const y = tf.tensor2d(b, mode === "NT" ? [n, k] : [k, n]);
      const product = () => tf.matMul(x, y, mode === "TN", mode === "NT");
      return {
        name: "tfjs",
        async check() {
          const result = product();
          const values = await result.data();
          result.dispose();
          checkClose(at.map((i) => values[i]!), expected, { label: `tfjs ${mode}` });
        },
        run: (repeats) =>
          seconds(async () => {
            const results = Array.from({ length: repeats }, product);
            // Its one way to wait is to read; one number of the last result is enough, as the queue runs in order.
            const last = tf.slice(results.at(-1)!, [0, 0], [1, 1]);
            await last.data();
            tf.dispose([...results, last]);
          }),
        free: () => tf.dispose([x, y]),
      };
    },
  };
}
