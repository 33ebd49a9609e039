import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type GpuKernels, KNOWN_BREACHES, unknownBreaches } from "../../tools/gpu/known_breaches.ts";
import { TEST_PROCESS_ENV } from "../../tools/test_process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** RDNA2, RDNA3 and Vega. */
const GPUS = ["RX 6800", "RX 7900", "Vega 64"];

/**
 * Attention with the usual heads; the matmul's tiles, with one of the storages that take most registers, where all that is
 * read and written starts at multiples of four; and what the tuner may choose from besides, of these storages.
 */
const KERNELS =
  /^attention.*head size (64|128)\b|^matmul (shared|vector).* (f32|nf4) aVec bVec( bWide)?( cVec)?$|(f32|nf4).*tuned$|^matmul matrix/;

/** Runs the tool. */
async function gpuStats(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const flags = [
    "--quiet",
    "--no-check",
    "--no-prompt",
    "--allow-read",
    "--allow-write",
    `--allow-run=${Deno.execPath()},apt-get,dpkg-deb,env`,
    "--ignore-env",
  ];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, `${ROOT}tools/gpu_stats.ts`, "--mesa", `${ROOT}.mesa`, ...args],
    env: TEST_PROCESS_ENV,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("on RDNA2, RDNA3 and Vega kernels keep to their limits, but for those that are known not to", async () => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const { code, out, err } = await gpuStats("--json", path, "--gpu", GPUS.join(), "--kernel", KERNELS.source);
    // Mesa comes from Debian; where it cannot be had the tool says so.
    if (out.includes("NOT RUN")) {
      equal(code, 0);
      return console.log(out.trim());
    }
    match(out, /^gpu:stats: \d+ shaders, \d+ over a limit$/m, err);
    const { gpus } = JSON.parse(await Deno.readTextFile(path)) as { gpus: GpuKernels[] };
    deepEqual(gpus.map(({ name }) => name), GPUS);
    for (const { name, kernels } of gpus) {
      for (const tile of ["shared128", "shared64", "shared32", "shared16", "vector4", "broadcast"]) {
        ok(kernels.some((kernel) => kernel.name.startsWith(`matmul ${tile} `)), `${name}: ${tile}`);
      }
    }
    deepEqual(unknownBreaches(gpus, KNOWN_BREACHES), []);
    const { matrices } = gpus.find(({ name }) => name === "RX 7900")!;
    if (!matrices) return match(out, /^gpu:stats: matrix units: NOT RUN, /m);
    deepEqual(matrices.flatMap(({ label, broken }) => broken.map((what) => `${label}: ${what}`)), []);
    for (const start of ["matrix128 float16", "matrix128 float32x3", "matrix64 float16", "matrix32 float32x3"]) {
      ok(matrices.some(({ name, loop }) => name.startsWith(`matmul ${start} `) && loop.matrix > 0), start);
    }
    for (const precision of ["float16", "float32x3"]) {
      for (const kernel of ["attention", "attention_backward_query", "attention_backward_key"]) {
        const start = `${kernel} on matrices ${precision} `;
        ok(matrices.some(({ name, loop }) => name.startsWith(start) && loop.matrix > 0), start);
      }
    }
    const isOver = gpus.some(({ kernels }) => kernels.some(({ broken }) => broken.length > 0));
    equal(code, isOver ? 1 : 0);
    equal(err === "", !isOver);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("gpu:stats tells which GPUs and options there are", async () => {
  const { code, err } = await gpuStats("--gpu", "RX 1");
  equal(code, 2);
  match(err, /^Cannot ask the compilers: GPU is "RX 1", expected some of RX 6800, .*; expected --all, --docs, .*\n$/);
});
