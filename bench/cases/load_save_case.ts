/** Loading and saving weights, against bare copies of the same bytes. @module */
import { join } from "node:path";
import { parameterShapes } from "../../core/model/families/families.ts";
import { type AnyModel, freeModel, loadFrozenModel, loadModel, storeModel } from "../../core/model/model.ts";
import { llamaConfig, type LlamaSizes, modelFolder, parameterCount } from "../bench_models.ts";
import type { Context, Result, Spec } from "../bench_types.ts";
import { compare, seconds } from "../measure.ts";

/** About the least that users train: opening a folder costs the same for a model of any size. */
const SIZES: LlamaSizes = {
  hidden: 1024,
  layers: 8,
  heads: 16,
  kvHeads: 16,
  intermediate: 2816,
  vocab: 16384,
  tied: false,
};
const CHUNK = 16 * 2 ** 20;
/** The fastest of 1, 2, 4, 8 and 16 MiB for the bare loops: what waits to be copied stays in memory that was in use. */
const WRITTEN = 4 * 2 ** 20;

/** Load to be trained in float32, load frozen in 16 bits, and save. */
export function storageSpecs(): Spec[] {
  return [
    { name: "load/f32", quick: false, run: runTrained },
    { name: "load/bf16", quick: false, run: (context) => runFrozen(context, "BF16") },
    { name: "load/f16", quick: false, run: (context) => runFrozen(context, "F16") },
    { name: "save/f32", quick: false, run: runSave },
  ];
}

const COUNT = parameterCount(llamaConfig(SIZES));

async function runTrained(context: Context): Promise<Result[]> {
  const dir = await modelFolder(context, SIZES);
  const open = () => loadModel(context.device, dir);
  return await runLoad(context, { name: "load/f32", dir, bytes: 4 * COUNT, open });
}

async function runFrozen(context: Context, dtype: "BF16" | "F16"): Promise<Result[]> {
  const { device } = context;
  const dir = join(context.folder, dtype);
  const model = await loadModel(device, await modelFolder(context, SIZES));
  await storeModel(dir, model, { dtype });
  freeModel(model);
  const name = `load/${dtype.toLowerCase()}`;
  return await runLoad(context, { name, dir, bytes: 2 * COUNT, open: () => loadFrozenModel(device, dir) });
}

/**
 * Loading against bare loops into buffers of the same sizes: one writes the file's bytes as it reads them, one writes as
 * many zeros from memory.
 */
async function runLoad(
  context: Context,
  { name, dir, bytes, open }: { name: string; dir: string; bytes: number; open: () => Promise<AnyModel> },
): Promise<Result[]> {
  const { device } = context;
  const first = await open();
  const sizes = bufferSizes(first);
  freeModel(first);
  const load = async (): Promise<void> => {
    const model = await open();
    await device.sync();
    freeModel(model);
  };
  const write = async (file?: Deno.FsFile): Promise<void> => {
    // Loading begins without memory of its own too.
    const data = new Uint8Array(WRITTEN);
    const slices = sizes.map((size) => device.alloc(size, "bare"));
    for (const { buffer, size } of slices) {
      for (let at = 0; at < size; at += WRITTEN) {
        const length = Math.min(WRITTEN, size - at);
        await file?.read(data.subarray(0, length));
        device.gpu.queue.writeBuffer(buffer.gpu, at, data, 0, length);
        device.gpu.queue.submit([]);
      }
    }
    await device.sync();
    slices.forEach((slice) => device.free(slice));
  };
  const copy = async (): Promise<void> => {
    using file = await Deno.open(join(dir, "model.safetensors"));
    await write(file);
  };
  return [
    await compare(context, {
      name,
      unit: "mib_per_s",
      work: bytes / 2 ** 20,
      contenders: [
        { name: "dnpo", check: load, run: (repeats) => times(repeats, load) },
        { name: "bare read and writeBuffer", check: copy, run: (repeats) => times(repeats, copy) },
        { name: "bare writeBuffer", check: () => write(), run: (repeats) => times(repeats, () => write()) },
      ],
    }),
  ];
}

/** Bytes of each buffer that holds a part of a model's weights, as they were made: the order decides which memory they get. */
function bufferSizes({ config, weights }: AnyModel): number[] {
  const slices = parameterShapes(config).flatMap(({ name }) => {
    const { data } = weights.locate(name).matrix;
    return data.parts ?? [data];
  });
  const sizes = new Map(slices.map(({ buffer }) => [buffer.id, buffer.bytes]));
  return [...sizes].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
}

async function runSave(context: Context): Promise<Result[]> {
  const { device, folder } = context;
  const model = await loadModel(device, await modelFolder(context, SIZES));
  const bytes = 4 * COUNT;
  const data = new Uint8Array(CHUNK);
  const dir = join(folder, "saved");
  const save = async (): Promise<void> => void await storeModel(dir, model, { dtype: "F32" });
  const write = async (): Promise<void> => {
    using file = await Deno.open(join(folder, "bare"), { write: true, create: true, truncate: true });
    for (let at = 0; at < bytes; at += CHUNK) await file.write(data.subarray(0, Math.min(CHUNK, bytes - at)));
    await file.sync();
  };
  const check = async (): Promise<void> => {
    await save();
    const [from, to] = [join(model.folder.dir, "model.safetensors"), join(dir, "model.safetensors")];
    const [a, b] = [await Deno.readFile(from), await Deno.readFile(to)];
    if (a.length !== b.length || a.some((byte, i) => byte !== b[i])) throw new Error("save: the file differs");
  };
  try {
    return [
      await compare(context, {
        name: "save/f32",
        unit: "mib_per_s",
        work: bytes / 2 ** 20,
        contenders: [
          { name: "dnpo", check, run: (repeats) => times(repeats, save) },
          { name: "bare file", check: write, run: (repeats) => times(repeats, write) },
        ],
      }),
    ];
  } finally {
    model.weights.free();
  }
}

function times(repeats: number, work: () => Promise<void>): Promise<number> {
  return seconds(async () => {
    for (let i = 0; i < repeats; i++) await work();
  });
}
