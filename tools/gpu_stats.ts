/**
 * What GPUs' compilers make of the kernels, without the GPUs: `deno task gpu:stats`. Prints a table for each GPU, and
 * exits with 1 where a kernel breaks a limit; "NOT RUN", and exit code 0, where Mesa cannot be had. @module
 */
import { parseArgs } from "node:util";
import { type Compilation, compileAll, type GpuResult } from "./gpu/compile_all.ts";
import { GPUS } from "./gpu/gpus.ts";
import { matrixTable } from "./gpu/matrix_kernels.ts";
import { openMatrixMesa } from "./gpu/matrix_spirv.ts";
import { type Mesa, openMesa } from "./gpu/mesa.ts";
import { rowsOf, tableOf } from "./gpu/rows.ts";
import { statsPage } from "./gpu/stats_page.ts";

const PAGE = "docs/gpu_stats.md";

const USAGE = "expected --all, --docs, --json FILE, --gpu NAME[,NAME …], --kernel PATTERN, --mesa FOLDER";

interface Options extends Compilation {
  readonly docs: boolean;
  readonly json: string | undefined;
  readonly mesa: string;
}

/** Reads the arguments. Throws Error with what is wrong. */
function options(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      all: { type: "boolean", default: false },
      docs: { type: "boolean", default: false },
      json: { type: "string" },
      gpu: { type: "string" },
      kernel: { type: "string", default: "" },
      mesa: { type: "string", default: ".mesa" },
    },
  });
  const names = GPUS.map(({ name }) => name);
  const gpus = (values.gpu?.split(",") ?? names).map((name) => {
    const gpu = GPUS[names.indexOf(name)];
    if (gpu === undefined) throw new Error(`GPU is "${name}", expected some of ${names.join(", ")}`);
    return gpu;
  });
  const { all, docs, json, kernel, mesa } = values;
  return { thorough: all, docs, json, gpus, kernel: new RegExp(kernel), mesa };
}

async function open(folder: string): Promise<Mesa | null> {
  try {
    return await openMesa(folder);
  } catch (error) {
    console.log(`gpu:stats: NOT RUN, Mesa cannot be had: ${(error as Error).message.split("\n")[0]}`);
    return null;
  }
}

/** What products on matrix units take, where a GPU that is asked for has some; null where it cannot be had. */
async function openForMatrices({ gpus }: Options): Promise<Mesa | null> {
  if (!gpus.some(({ matrices }) => matrices)) return null;
  try {
    return await openMatrixMesa();
  } catch (error) {
    console.log(`gpu:stats: matrix units: NOT RUN, ${(error as Error).message.split("\n")[0]}`);
    return null;
  }
}

async function main(args: readonly string[]): Promise<number> {
  let asked: Options;
  try {
    asked = options(args);
  } catch (error) {
    console.error(`Cannot ask the compilers: ${(error as Error).message}; ${USAGE}`);
    return 2;
  }
  const mesa = await open(asked.mesa);
  if (mesa === null) return 0;
  let results: GpuResult[];
  try {
    results = await compileAll({ mesa, matrixMesa: await openForMatrices(asked) }, asked);
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  }
  if (asked.json !== undefined) await Deno.writeTextFile(asked.json, jsonOf(mesa, results));
  if (asked.docs) {
    await writePage(results, args);
  } else {
    for (const { gpu, driver, kernels, matrices } of results) {
      const left = gpu.leftOut ? `, without ${gpu.leftOut.kernels}: ${gpu.leftOut.why}` : "";
      console.log(`\n${gpu.name} (${gpu.architecture}, ${driver}${left})\n\n${tableOf(rowsOf(kernels))}`);
      if (matrices) console.log(`\n${matrixTable(matrices)}`);
    }
  }
  let broken = 0;
  for (const { gpu, kernels, matrices = [] } of results) {
    for (const kernel of [...kernels, ...matrices].filter(({ broken }) => broken.length > 0)) {
      broken++;
      console.error(`${gpu.name}: ${kernel.label}: ${kernel.broken.join("; ")}`);
    }
  }
  const count = results.reduce((sum, { kernels, matrices = [] }) => sum + kernels.length + matrices.length, 0);
  console.log(`gpu:stats: ${count} shaders, ${broken} over a limit`);
  return broken === 0 ? 0 : 1;
}

/** The results for machines: a list of GPUs, each with all shaders. */
function jsonOf({ version }: Mesa, results: readonly GpuResult[]): string {
  const gpus = results.map(({ gpu: { name, architecture }, ...result }) => ({ name, architecture, ...result }));
  return JSON.stringify({ mesa: version, gpus }, null, 1) + "\n";
}

async function writePage(results: readonly GpuResult[], args: readonly string[]): Promise<void> {
  await Deno.writeTextFile(PAGE, statsPage(results, args));
  const { success } = await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", PAGE] }).output();
  if (!success) throw new Error(`Cannot format ${PAGE}`);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
