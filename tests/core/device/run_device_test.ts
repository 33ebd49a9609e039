import { deepEqual, equal, match, notDeepEqual, notEqual, rejects } from "node:assert/strict";
import { join } from "node:path";
import { openRunDevice } from "../../../core/device/run_device.ts";
import {
  isTuning,
  kernelCacheFolder,
  readCachedTuning,
  readVectorWidth,
  readWidthRates,
  type TunedDevice,
  tunedDevice,
  vectorBits,
  writeCachedTuning,
  writeVectorWidth,
} from "../../../core/device/tuning_cache.ts";
import { StoppedError } from "../../../core/error.ts";
import { train } from "../../../core/loop/train_run.ts";
import { Device } from "../../../kernels/device/device.ts";
import type { DeviceFamily } from "../../../kernels/device/tuning.ts";
import type { TuneResult } from "../../../kernels/tune.ts";
import { device } from "../../_shared/device.ts";
import { configOf, withInput } from "../loop/_runs.ts";

/** As if the tuner had found this, at a rate for its one tile. */
function found(family: DeviceFamily, gflops = 1): TuneResult {
  const variant = family === "cpu" ? "broadcast32" : "shared64";
  return {
    tuning: { family, tiles: { "NT/large": variant } },
    measurements: [{ mode: "NT", sizes: [256, 1024, 512], variant, gflops, chosen: true }],
  };
}

/** Runs `use` with a cache folder, which does not exist yet. */
async function withCache(dir: string, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = join(dir, "cache");
  const before = Deno.env.get("DNPO_CACHE");
  Deno.env.set("DNPO_CACHE", folder);
  try {
    await use(folder);
  } finally {
    if (before === undefined) Deno.env.delete("DNPO_CACHE");
    else Deno.env.set("DNPO_CACHE", before);
  }
}

const noNotes = (line: string): void => {
  throw new Error(`unexpected note: ${line}`);
};

Deno.test("the kernel cache gives back what was measured for the same device, and nothing from a damaged file", () =>
  withInput((dir) =>
    withCache(dir, async (folder) => {
      equal(kernelCacheFolder(), folder);
      equal(await readCachedTuning(device), null);
      const path = await writeCachedTuning(tunedDevice(device), found("gpu"));
      const read = await readCachedTuning(device);
      deepEqual([read?.path, read?.tuning, read?.measurements], [path, ...Object.values(found("gpu"))]);
      // Another version of the driver may bear the same name.
      const { gpu, family, subgroupSize } = device;
      const later = new Device(gpu, {
        info: device.info,
        family,
        subgroupSize,
        lavapipe: device.lavapipe === 25 ? 26 : 25,
      });
      equal(await readCachedTuning(later), null);
      const other = { info: { ...info(device), description: "another" }, family: device.family } as unknown as Device;
      equal(await readCachedTuning(other), null);
      const text = await Deno.readTextFile(path!);
      for (
        const damaged of [
          "",
          "[]",
          text.slice(0, 60),
          text.replace("shared64", "shared63"),
          text.replace('"family": "gpu",\n    "tiles"', '"family": "tpu",\n    "tiles"'),
          text.replace('"version": "', '"version": "9'),
          text.replace('"gflops": 1', '"gflops": "1"'),
        ]
      ) {
        equal(damaged === text, false);
        await Deno.writeTextFile(path!, damaged);
        equal(await readCachedTuning(device), null, damaged);
      }
      equal(await writeCachedTuning(tunedDevice(device), found("cpu")), path);
      deepEqual((await readCachedTuning(device))?.tuning, found("cpu").tuning);
      Deno.env.set("DNPO_CACHE", "");
      deepEqual([kernelCacheFolder(), await readCachedTuning(device)], [null, null]);
      equal(await writeCachedTuning(tunedDevice(device), found("cpu")), null);
      Deno.env.set("DNPO_CACHE", path!);
      equal(await writeCachedTuning(tunedDevice(device), found("cpu")), null, "a file is no folder");
    })
  ));

Deno.test("the kernel cache keeps a vector width, and the rate of each", () =>
  withInput((dir) =>
    withCache(dir, async () => {
      equal(await readVectorWidth(), undefined);
      await writeVectorWidth(512);
      equal(await readVectorWidth(), 512);
      await writeVectorWidth(null);
      equal(await readVectorWidth(), null);
      const lavapipe = (bits: number): TunedDevice => ({ adapter: `llvmpipe (${bits} bits)`, family: "cpu" });
      const names = ["llvmpipe (LLVM 15.0.6, 256 bits)", "llvmpipe (64 bits)", "A card, 256 bits"];
      deepEqual(names.map(vectorBits), [256, null, null]);
      equal(vectorBits("llvmpipe: Mesa 25.0.7, llvmpipe-llvm-15-0-6-256-bits-, mesa, software, Dawn"), 256);
      await writeCachedTuning(lavapipe(512), found("cpu", 40));
      await writeCachedTuning(lavapipe(256), found("cpu", 50));
      const rates = (await readWidthRates(lavapipe(512))).map(({ bits, gflops }) => [bits, Math.round(gflops)]);
      deepEqual(rates, [[256, 50], [512, 40]]);
    })
  ));

Deno.test("openRunDevice() takes the cache's kernels and then keeps to them", () =>
  withInput((dir) =>
    withCache(dir, async () => {
      const open = async (keys: Record<string, unknown> = {}, onNote = noNotes): Promise<unknown> => {
        const config = await configOf(dir, keys);
        await Deno.mkdir(config.output_dir, { recursive: true });
        const opened = await openRunDevice(config, {
          model: config.model,
          record: `${config.output_dir}/kernels.json`,
          onNote,
        });
        opened.destroy();
        return opened.tuning;
      };
      // The model is too small to measure for.
      equal(await open({ output_dir: `${dir}/none` }), null);
      await writeCachedTuning(tunedDevice(device), found("gpu"));
      deepEqual(await open(), found("gpu").tuning);
      equal(await open({ output_dir: `${dir}/fixed`, autotune: false }), null);
      await writeCachedTuning(tunedDevice(device), found("cpu"));
      deepEqual(await open(), found("gpu").tuning);
      equal(await open({ output_dir: `${dir}/none` }), null);
      equal(await open({ output_dir: `${dir}/fixed` }), null);
      const path = `${dir}/run/kernels.json`;
      const record = JSON.parse(await Deno.readTextFile(path));
      equal(record.webgpu, "deno");
      // Records of earlier versions name no WebGPU.
      const { webgpu: _, ...earlier } = record;
      await Deno.writeTextFile(path, JSON.stringify(earlier));
      deepEqual(await open({ webgpu: "auto", device: "cpu" }), found("gpu").tuning);
      await Deno.writeTextFile(path, JSON.stringify({ ...record, adapter: "another" }));
      const notes: string[] = [];
      deepEqual(await open({}, (line) => notes.push(line)), found("cpu").tuning);
      match(
        notes.join(),
        /^Warning: the run began with kernels for another \(cpu\), and goes on with those for .* \(cpu\): /,
      );
      // A tile that is no more is left to the sizes.
      const tiles = { "NN/large": "broadcast64", "TN/large": "broadcast64image", "NT/large": "turned32" };
      await Deno.writeTextFile(path, JSON.stringify({ ...record, tuning: { ...record.tuning, tiles } }));
      deepEqual(await open(), { ...record.tuning, tiles: { "NT/large": "turned32" } });
      for (
        const damaged of [
          "{",
          JSON.stringify({ ...record, tuning: { ...record.tuning, tiles: { "NN/large": "broadcast63" } } }),
          JSON.stringify({ ...record, tuning: 1 }),
          JSON.stringify({ ...record, vector_width: 3 }),
          JSON.stringify({ ...record, webgpu: "auto" }),
        ]
      ) {
        await Deno.writeTextFile(path, damaged);
        await rejects(open(), /^UserError: Cannot (read|go on with the run: ).*kernels\.json/);
      }
    })
  ));

Deno.test("openRunDevice() measures once for a model that is worth it, and says so", () =>
  withInput((dir) =>
    withCache(dir, async () => {
      await Deno.writeFile(`${dir}/model/more.safetensors`, new Uint8Array(8 * 1024 * 1024));
      const open = async (name: string): Promise<{ tuning: unknown; notes: string[] }> => {
        const config = await configOf(dir, { output_dir: `${dir}/${name}` });
        await Deno.mkdir(config.output_dir);
        const notes: string[] = [];
        const opened = await openRunDevice(config, {
          model: config.model,
          record: `${config.output_dir}/kernels.json`,
          onNote: (line) => notes.push(line),
        });
        opened.destroy();
        return { tuning: opened.tuning, notes };
      };
      const first = await open("first");
      equal(isTuning(first.tuning), true);
      // This process has loaded the driver, which keeps its width, so that there is no other to measure.
      match(first.notes.join("\n"), /^Measuring kernels on .+, once; .+\nKernels measured in [\d.]+ s: .+\.json$/);
      notEqual(await readVectorWidth(), undefined);
      deepEqual(await open("second"), { tuning: first.tuning, notes: [] });
    })
  ));

Deno.test("train() that goes on gives the same bytes though the kernel cache has changed in between", () =>
  withInput((dir) =>
    withCache(dir, async () => {
      const keys = (name: string) => ({
        output_dir: `${dir}/${name}`,
        training: { per_device_train_batch_size: 2, max_steps: 6, save_steps: 1 },
      });
      const results = async (name: string): Promise<Uint8Array[]> =>
        await Promise.all(
          ["metrics.jsonl", "iteration-0/model/model.safetensors"].map((path) =>
            Deno.readFile(`${dir}/${name}/${path}`)
          ),
        );
      await writeCachedTuning(tunedDevice(device), found("gpu"));
      await train(await configOf(dir, keys("whole")));
      const stop = new AbortController();
      const onProgress = (event: { stage: string; done: number }): void => {
        if (event.stage === "optimize" && event.done === 3) stop.abort();
      };
      await rejects(train(await configOf(dir, keys("stopped")), { signal: stop.signal, onProgress }), StoppedError);
      await writeCachedTuning(tunedDevice(device), found("cpu"));
      await train(await configOf(dir, keys("stopped")));
      deepEqual(await results("stopped"), await results("whole"));
      // The other family's sums are made in another order.
      await train(await configOf(dir, keys("other")));
      notDeepEqual(await results("other"), await results("whole"));
    })
  ));

Deno.test("isTuning() knows families and tiles", () => {
  equal(isTuning({ family: "cpu", tiles: {} }), true);
  for (const value of [null, {}, { family: "cpu" }, { family: "x", tiles: {} }, { family: "cpu", tiles: { a: 1 } }]) {
    equal(isTuning(value), false, JSON.stringify(value));
  }
});

function info({ info: { description, vendor, architecture, device } }: Device): Record<string, string> {
  return { description, vendor, architecture, device };
}
