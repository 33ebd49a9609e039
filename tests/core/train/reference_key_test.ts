import { deepEqual, equal, match } from "node:assert/strict";
import { keyDifference, referenceKey, type ReferenceRequest, rowWords } from "../../../core/train/reference_key.ts";
import { Device } from "../../../kernels/device/device.ts";
import { device } from "../../_shared/device.ts";
import { pairIds } from "../_tiny.ts";
import { withCrew } from "../cluster/_crew.ts";

/** What is known of a device that computes. */
type Computing = Parameters<typeof referenceKey>[0];
type Facts = ConstructorParameters<typeof Device>[1];

/** lavapipe as Dawn names it: the width of its vectors is not in the description. */
const INFO = {
  description: "llvmpipe: Mesa 25.0.7",
  device: "llvmpipe-llvm-15-0-6-256-bits-",
  vendor: "mesa",
  architecture: "software",
  subgroupMinSize: 8,
} as GPUAdapterInfo;

/** A device with these facts over those of lavapipe on Dawn. */
function deviceOf(facts: Partial<Facts> = {}): Device {
  return new Device(device.gpu, { info: INFO, webGpu: "Dawn", family: "cpu", subgroupSize: 8, lavapipe: 25, ...facts });
}

const REQUEST: ReferenceRequest = {
  rows: pairIds(3),
  used: [0, 1, 2],
  rejected: true,
  files: { "config.json": "aa", "model.safetensors": "bb" },
  quantization: "none",
};

/** In what numbers of these are not those of the usual ones; null if they are the same. */
async function difference(
  { by = deviceOf(), ...request }: Partial<ReferenceRequest> & { by?: Computing } = {},
): Promise<string | null> {
  const was = await referenceKey(deviceOf(), REQUEST);
  return keyDifference(await referenceKey(by, { ...REQUEST, ...request }), JSON.parse(JSON.stringify(was)));
}

Deno.test("the key of a reference tells whatever changes the bits of its numbers, and says what it is", async () => {
  const name = deviceOf().name;
  const others: [Partial<Facts>, RegExp][] = [
    [{ info: { ...INFO, device: "llvmpipe-llvm-15-0-6-512-bits-" } }, /device ".* 25\.0\.7, .*256.*", expected ".*512/],
    [{ lavapipe: 26 }, /^was computed with device ".*Mesa 25.*", expected ".*like Mesa 26/],
    [{ webGpu: undefined }, /^was computed with device ".*, Dawn", expected ".*like Mesa 25"$/],
    [{ family: "gpu" }, /^was computed with kernels "cpu, subgroups of 8", expected "gpu, subgroups of 8"$/],
    [{ subgroupSize: 0 }, /^was computed with kernels "cpu, subgroups of 8", expected "cpu, subgroups of 0"$/],
  ];
  for (const [facts, expected] of others) match(await difference({ by: deviceOf(facts) }) ?? "the same", expected);
  const tuned = deviceOf();
  tuned.tuning = { family: "gpu", tiles: {} };
  match(await difference({ by: tuned }) ?? "the same", /expected "cpu, products gpu, subgroups of 8"$/);
  equal(await difference({ precision: "float16" }), 'was computed with precision "float32", expected "float16"');
  equal(await difference({ quantization: "int8" }), 'was computed with quantization "none", expected "int8"');
  equal(await difference({ files: { ...REQUEST.files, "config.json": "cc" } }), "is of another model");
  equal(await difference({ used: [0, 1] }), "is of other rows");
  equal(await difference({ rejected: false }), "is of other rows");
  equal(
    await difference({ devices: [name, "A card"] }),
    `was computed with device "${name}", expected "${name}; A card"`,
  );
});

Deno.test("the key of a reference does not tell what changes no bit", async () => {
  const { name } = deviceOf();
  equal(await difference({ files: { "model.safetensors": "bb", "config.json": "aa" } }), null);
  equal(await difference({ precision: "float32" }), null);
  equal(await difference({ devices: [name, name] }), null);
  const tuned = deviceOf();
  tuned.tuning = { family: "cpu", tiles: { "NN/small": "any" } };
  equal(await difference({ by: tuned }), null);
});

Deno.test("numbers on matrix units depend on the size of the matrices, and those of float32 do not", async () => {
  const { name, family, tuning, subgroupSize } = deviceOf();
  const by = (k: number): Computing => {
    const matrix = { m: 16, n: 16, k, lanes: 32, saysLanes: false, mostLanes: 32 };
    return { name, family, tuning, subgroupSize, matrix };
  };
  const key = (k: number, precision: "float16" | "float32") => referenceKey(by(k), { ...REQUEST, precision });
  equal(keyDifference(await key(8, "float32"), await key(16, "float32")), null);
  match(keyDifference(await key(8, "float16"), await key(16, "float16")) ?? "the same", /16x16x16", expected ".*x8"$/);
});

Deno.test("a key of an earlier version, or of none, is no key", async () => {
  const key = await referenceKey(device, REQUEST);
  equal(keyDifference(key, key), null);
  const odd = { ...key, device: JSON.parse('{ "toString": 1 }') };
  for (const was of [null, 1, [], "text", { model: {}, adapter: "a card" }, odd]) {
    equal(keyDifference(key, was), "was computed by an earlier version of dnpo");
  }
  match(keyDifference(key, { ...key, version: "dnpo 0.0.1\u001b[2J" })!, /with version "dnpo 0\.0\.1 \[2J", expected/);
});

Deno.test("ranks that have met know the names of each other's devices", () =>
  withCrew({ ranks: 2 }, ({ crew }) => {
    deepEqual(crew.devices, [device.name, device.name]);
    return Promise.resolve();
  }));

Deno.test("rowWords() takes any number of rows", () => {
  const words = (count: number, rejected: boolean): Uint32Array => {
    const rows = Array.from({ length: count }, (_, example) => ({
      ...{ example, promptIds: [7, 8], chosenIds: [9], rejectedIds: [10, 11] },
    }));
    const used = rows.map((_, i) => count - 1 - i);
    return new Uint32Array(rowWords(rows, { used, rejected }).buffer);
  };
  deepEqual([...words(2, true)], [...[1, 2, 7, 8, 1, 9, 2, 10, 11], ...[0, 2, 7, 8, 1, 9, 2, 10, 11]]);
  deepEqual([...words(2, false)], [1, 2, 7, 8, 1, 9, 0, 2, 7, 8, 1, 9]);
  equal(words(200_000, true).length, 200_000 * 9);
});
