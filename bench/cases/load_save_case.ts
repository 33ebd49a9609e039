/** Loading and saving weights, against bare copies of the same bytes. @module */
import { join } from "node:path";
import { loadModel, storeModel } from "../../core/model/model.ts";
import { llamaConfig, type LlamaSizes, modelFolder, parameterCount } from "../bench_models.ts";
import type { Context, Result, Spec } from "../bench_types.ts";
import { compare, seconds } from "../measure.ts";

const SIZES: LlamaSizes = {
  hidden: 768,
  layers: 5,
  heads: 12,
  kvHeads: 12,
  intermediate: 2048,
  vocab: 4096,
  tied: false,
};
const CHUNK = 16 * 2 ** 20;

/** Load and save, float32. */
export function storageSpecs(): Spec[] {
  return [
    { name: "load/f32", quick: false, run: runLoad },
    { name: "save/f32", quick: false, run: runSave },
  ];
}

function bytesOf(): number {
  return 4 * parameterCount(llamaConfig(SIZES));
}

async function runLoad(context: Context): Promise<Result[]> {
  const { device } = context;
  const dir = await modelFolder(context, SIZES);
  const bytes = bytesOf();
  const data = new Uint8Array(CHUNK);
  const name = "load/f32";
  const load = async (): Promise<void> => {
    const { weights } = await loadModel(device, dir);
    await device.sync();
    weights.free();
  };
  const write = async (): Promise<void> => {
    const slice = device.alloc(bytes, "bare");
    for (let at = 0; at < bytes; at += CHUNK) {
      device.gpu.queue.writeBuffer(slice.buffer.gpu, at, data, 0, Math.min(CHUNK, bytes - at));
      device.gpu.queue.submit([]);
    }
    await device.sync();
    device.free(slice);
  };
  return [
    await compare(context, {
      name,
      unit: "mib_per_s",
      work: bytes / 2 ** 20,
      contenders: [
        { name: "dnpo", check: load, run: (repeats) => times(repeats, load) },
        { name: "bare writeBuffer", check: write, run: (repeats) => times(repeats, write) },
      ],
    }),
  ];
}

async function runSave(context: Context): Promise<Result[]> {
  const { device, folder } = context;
  const model = await loadModel(device, await modelFolder(context, SIZES));
  const bytes = bytesOf();
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
