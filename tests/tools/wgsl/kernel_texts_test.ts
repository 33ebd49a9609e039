import { deepEqual, equal, ok } from "node:assert/strict";
import type { PipelineText } from "../../../tools/wgsl/stand_in_device.ts";
import { kernelTexts } from "../../../tools/wgsl/kernel_texts.ts";
import { device } from "../../_shared/device.ts";

const KERNELS = new URL("../../../kernels/", import.meta.url);

/** Kernels of large heads alone. */
const LARGE_HEADS = ["attention_backward_key for dk", "attention_backward_key for dv"];

const texts = await kernelTexts("naga");

/** The WGSL files of a folder and those below, as paths from it. */
async function shadersBelow(folder: URL, prefix = ""): Promise<string[]> {
  const lists = await Array.fromAsync(Deno.readDir(folder), ({ name, isDirectory }) => {
    if (isDirectory) return shadersBelow(new URL(`${name}/`, folder), `${prefix}${name}/`);
    return name.endsWith(".wgsl") ? [prefix + name] : [];
  });
  return lists.flat();
}

Deno.test("kernelTexts() has every shader of kernels/, and no text twice", async () => {
  const joined = [...new Set(texts.map(({ code }) => code))].join("\n");
  const missing: string[] = [];
  for (const path of await shadersBelow(KERNELS)) {
    if (!joined.includes((await Deno.readTextFile(new URL(path, KERNELS))).trim())) missing.push(path);
  }
  deepEqual(missing, []);
  const keys = texts.map(({ code, constants, entries }) => JSON.stringify([code, constants, entries]));
  equal(new Set(keys).size, texts.length);
});

Deno.test("kernelTexts() has every tile, every way of storing, and every number of lanes", () => {
  const names = texts.map(({ name }) => name).join("\n");
  for (const tile of ["shared128", "shared64", "shared32", "shared16", "vector4"]) {
    ok(names.includes(`matmul ${tile} `));
  }
  for (const lanes of [4, 8, 16, 32, 64, 128]) ok(names.includes(` by ${lanes} lanes `), `${lanes}`);
  ok(names.includes("by 4 lanes without subgroups"));
  for (const storage of ["f32", "bf16", "f16", "int8", "int4", "int4z", "nf4"]) {
    for (const mode of ["NN", "NT"]) {
      for (const family of ["broadcast", "shared"]) {
        ok(new RegExp(`^matmul ${family}.* ${mode} ${storage}\\b`, "m").test(names), `${family} ${mode} ${storage}`);
      }
    }
  }
  for (const flag of ["aImage", "bImage", "bWide", "turned", "placed", "ragged"]) ok(names.includes(` ${flag}`), flag);
});

Deno.test("kernelTexts() names subgroups for Tint alone, and only where they are used", async () => {
  equal(texts.filter(({ code }) => code.startsWith("enable")).length, 0);
  const forTint = await kernelTexts("tint");
  // Tint alone knows subgroup matrices.
  const matrices = forTint.filter(({ code }) => code.includes("subgroup_matrix"));
  // How they cut their factors, and the sizes of heads there, are in constants.
  const others = (all: typeof texts): number =>
    all.filter(({ name, code }) =>
      !code.includes("subgroup_matrix") && !/^(matmul_|attention_(halves|delta))/.test(name)
    )
      .length;
  equal(others(forTint), others(texts));
  for (const tile of ["matrix128", "matrix64", "matrix32", "matrix16"]) {
    for (const precision of ["float32x3", "float16"]) {
      // Of subgroups that differ in size a workgroup has as many lanes as the largest, or a multiple.
      const shapes = tile === "matrix16" ? [] : ["8x16x16 by 8"];
      for (const shape of ["8x8x8 by 32", "16x16x16 by 32", ...shapes]) {
        const start = `matmul ${tile} ${precision} of ${shape} lanes`;
        ok(matrices.some(({ name }) => name.startsWith(start)), start);
      }
    }
  }
  for (const shape of ["8x8x8 by 32", "16x16x16 by 32", "8x16x16 by 8"]) {
    for (const precision of ["float32x3", "float16"]) {
      for (const name of ["attention", "attention_backward_query", "attention_backward_key", ...LARGE_HEADS]) {
        const start = `${name} on matrices ${precision} of ${shape} lanes`;
        ok(matrices.some(({ name }) => name.startsWith(start)), start);
      }
    }
  }
  for (const { name, code } of forTint) {
    equal(code.startsWith("enable subgroups;\n"), /\bsubgroup[A-Z]/.test(code), name);
  }
});

Deno.test("a lane of few has no more of a product's tile than one of many", () => {
  for (const { name } of texts) {
    const [, rows, columns, lanes] = /^matmul broadcast (\d+)x(\d+) by (\d+) lanes/.exec(name)?.map(Number) ?? [];
    if (rows === undefined) continue;
    const vectors = rows * columns! / 4 / lanes!;
    ok(vectors <= Math.max(rows, 16 * lanes!), name);
  }
});

Deno.test("what tuning a GPU may choose sums no more vec4s in a lane than it has registers for", async () => {
  const kinds = [16, 32, 64, 128].map((least) => ({ name: `gpu ${least}`, family: "gpu" as const, least }));
  kinds.push({ name: "gpu 8 to 32", family: "gpu", least: 8, most: 32 } as typeof kinds[number]);
  for (const kind of kinds) {
    const names = (await kernelTexts("naga", { kinds: [kind] })).map(({ name }) => name).filter((name) =>
      name.startsWith("matmul broadcast")
    );
    ok(names.length > 0, kind.name);
    for (const name of names) {
      const [, rows, columns, lanes] = /^matmul broadcast (\d+)x(\d+) by (\d+) lanes/.exec(name)!.map(Number);
      ok(rows! * columns! / 4 / lanes! <= 16, name);
    }
  }
});

/** One text of each kernel, of a product's one for each tile; the shortest, since naga takes its time. */
function oneOfEach(): PipelineText[] {
  const chosen = new Map<string, PipelineText>();
  for (const text of texts) {
    const key = text.name.split(" ").slice(0, 3).join(" ");
    if (text.code.length < (chosen.get(key)?.code.length ?? Infinity)) chosen.set(key, text);
  }
  return [...chosen.values()];
}

Deno.test("naga takes a text of each kernel", async () => {
  const { gpu } = device;
  const granted = device.features.has("subgroups");
  const refused: string[] = [];
  for (const { name, code } of oneOfEach()) {
    if (!granted && /\bsubgroup[A-Z]/.test(code)) continue;
    gpu.pushErrorScope("validation");
    gpu.createShaderModule({ code });
    const error = await gpu.popErrorScope();
    if (error) refused.push(`${name}: ${error.message}`);
  }
  deepEqual(refused, []);
});
