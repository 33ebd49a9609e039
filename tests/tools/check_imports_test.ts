import { deepEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { checkImports, findCycle } from "../../tools/check_imports.ts";

async function checkTree(files: Record<string, string>): Promise<string[]> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries({ "deno.json": "{}", ...files })) {
      await Deno.mkdir(dirname(join(root, path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    // macOS names its temporary folder through a link; Deno resolves it.
    return await checkImports(await Deno.realPath(root));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const SOUND = {
  "mod.ts": `export * from "./core/loop/run.ts";\nexport * from "./kernels/device/open.ts";\n`,
  "cli/main.ts": `await import("../core/loop/run.ts");\n`,
  "core/error.ts": `export const wrong = 1;\n`,
  "core/loop/run.ts": `import "../train/step.ts";\nexport const run = 1;\n`,
  "core/train/step.ts": `import "../model/llama.ts";\nimport "../error.ts";\n`,
  "core/model/llama.ts":
    `import type { T } from "../data/t.ts";\nimport "../../kernels/rows/add.ts";\nexport type U = T;\n`,
  "core/data/t.ts": `export type T = number;\n`,
  "kernels/rows/add.ts":
    `import "../device/open.ts";\nimport "../vector.ts";\nimport text from "./add.wgsl" with { type: "text" };\nvoid text;\n`,
  "kernels/rows/add.wgsl": `// out = a + b\n`,
  "kernels/vector.ts": `import "./device/open.ts";\n`,
  "kernels/device/open.ts": `export const open = 1;\n`,
  "examples/one.ts": `import { run } from "../mod.ts";\nvoid run;\n`,
};

Deno.test("checkImports() passes a tree whose imports run downwards", async () => {
  deepEqual(await checkTree(SOUND), []);
});

Deno.test("checkImports() names file, line, import and rule of each violation", async () => {
  const problems = await checkTree({
    ...SOUND,
    "core/data/t.ts": `// a type-only import counts too\nimport type { U } from "../model/v.ts";\nexport type T = U;\n`,
    "core/model/v.ts": `export type U = number;\n`,
    "core/odd/x.ts": `import "../error.ts";\nimport "../data/t.ts";\n`,
    "core/data/formats/f.ts": `import "../t.ts";\n`,
    "kernels/device/open.ts": `import "../sub.ts";\n`,
    "kernels/sub.ts": `await import("../core/error.ts");\n`,
    "kernels/odd/y.ts": `import "../vector.ts";\n`,
    "examples/one.ts": `import "../core/error.ts";\n`,
  });
  deepEqual(problems.toSorted(), [
    "core/data/formats/f.ts:1 imports core/data/t.ts: core/data/formats is below core/data",
    "core/data/t.ts:2 imports core/model/v.ts: core/data is below core/model",
    "core/odd/x.ts:2 imports core/data/t.ts: core/odd/x.ts is in no known room of core/ (plan, engine, watch, loop, evaluate, export, report, " +
    "train, label, generate, run, device, model, benchmark, data, checkpoint, data/tokenizer, data/formats, model/families, config, hub, server, cluster, files)",
    "cycle of rooms: core/data > core/model > core/data",
    "examples/one.ts:1 imports core/error.ts: examples may import mod.ts, engine.ts",
    "kernels/device/open.ts:1 imports kernels/sub.ts: kernels/device is below kernels/.",
    "kernels/odd/y.ts:1 imports kernels/vector.ts: kernels/odd/y.ts is in no known room of kernels/ (tune.ts, attention, " +
    "lm_head, loss, matmul, mlp, norm, optimizer, random, rows, sampling, storage, ., device)",
    "kernels/sub.ts:1 imports core/error.ts: kernels may import nothing else of the project",
  ]);
});

Deno.test("checkImports() names a cycle of files in one room, and of rooms on one level", async () => {
  const problems = await checkTree({
    "core/data/a.ts": `import "./b.ts";\n`,
    "core/data/b.ts": `import "./c.ts";\n`,
    "core/data/c.ts": `import type {} from "./a.ts";\n`,
    "core/train/a.ts": `import "../label/a.ts";\n`,
    "core/label/a.ts": `export {};\n`,
    "core/label/b.ts": `import "../train/b.ts";\n`,
    "core/train/b.ts": `export {};\n`,
  });
  deepEqual(problems, [
    "cycle of files: core/data/a.ts > core/data/b.ts > core/data/c.ts > core/data/a.ts",
    "cycle of rooms: core/label > core/train > core/label",
  ]);
});

Deno.test("checkImports() names an import of a file that is not there", async () => {
  const problems = await checkTree({ "core/data/a.ts": `import "./gone.ts";\n` });
  deepEqual(problems.map((line) => line.split(": ")[0]), ["core/data/gone.ts"]);
});

Deno.test("findCycle() finds none where paths only meet again", () => {
  deepEqual(findCycle([["a", "b"], ["a", "c"], ["b", "d"], ["c", "d"]]), null);
  deepEqual(findCycle([["a", "b"], ["b", "c"], ["c", "b"]]), ["b", "c", "b"]);
});
