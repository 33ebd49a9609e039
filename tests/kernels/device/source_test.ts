import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openAdapter } from "../../../kernels/device/adapter.ts";
import { Commands } from "../../../kernels/device/commands.ts";
import { defineKernel } from "../../../kernels/device/kernel.ts";
import { joinParts, namesIn, partsBefore, placeIn, type SourcePart } from "../../../kernels/device/source.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

const HALF: SourcePart = {
  name: "kernels/test/half.wgsl",
  // No newline at its end.
  text: "// Half of a number.\nfn half(x: f32) -> f32 {\n  return 0.5 * x;\n}",
};
const SIZE: SourcePart = { name: "kernels/test/sizes.ts (generated)", text: "\nconst SIZE = 8u;\n" };
const OWN: SourcePart = {
  name: "kernels/test/scale.wgsl",
  text: `// before: test/half.wgsl, test/sizes.ts (generated)

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
  y[id.x] = half(y[id.x]);
}
`,
};
const spec = { name: "scale", bindings: { y: "readWrite" }, uniforms: {} } as const;

/** Whether another WebGPU stands in the place of Deno's own: the one that `deno task test:on` puts there has Tint. */
const isTint = !(navigator.gpu instanceof GPU);

/** The parts with a text of one of them changed. */
function broken(part: SourcePart, search: string, replace: string): SourcePart[] {
  return [HALF, SIZE, OWN].map((one) => one === part ? { ...one, text: one.text.replace(search, replace) } : one);
}

/** What the device says of a kernel. */
async function errorOf(code: readonly SourcePart[], requires: readonly "shader-f16"[] = []): Promise<string> {
  const device = await openAdapter();
  const commands = new Commands(device);
  // A number for each invocation: what writes beyond the end may write to the last.
  const numbers = new Float32Array(8).map((_, i) => i);
  const y = device.upload(numbers, "y");
  let message = "none";
  try {
    commands.dispatch(defineKernel({ ...spec, code, requires }), { buffers: { y }, uniforms: {}, workgroups: [1] });
    commands.submit();
    assert.deepEqual(new Float32Array(await device.read(y)), numbers.map((x) => x / 2));
  } catch (error) {
    message = (error as Error).message;
  }
  device.destroy();
  return message;
}

Deno.test("placeIn() finds the part and the line in it", () => {
  const parts = [HALF, SIZE, OWN];
  const lines = joinParts(parts).split("\n");
  assert.equal(lines[6 - 1], "const SIZE = 8u;");
  assert.deepEqual(placeIn(parts, 1, 1), { name: HALF.name, line: 1, column: 1 });
  assert.deepEqual(placeIn(parts, 4, 1), { name: HALF.name, line: 4, column: 1 });
  assert.deepEqual(placeIn(parts, 5, 1), { name: SIZE.name, line: 1, column: 1 });
  assert.deepEqual(placeIn(parts, 6, 7), { name: SIZE.name, line: 2, column: 7 });
  assert.deepEqual(placeIn(parts, 7, 3), { name: OWN.name, line: 1, column: 3 });
  assert.equal(placeIn(parts, lines.length, 1), null);
  // A message without a place.
  assert.equal(placeIn(parts, 0, 0), null);
});

Deno.test("a shader error names the file, line and column as they stand in the part", async () => {
  assert.equal(await errorOf([HALF, SIZE, OWN]), "none");
  assert.match(
    await errorOf(broken(HALF, "0.5 * x", "0.5 * z")),
    isTint
      ? /^Cannot build kernel "scale": kernels\/test\/half\.wgsl:3:16 unresolved value 'z'/
      : /^Cannot build kernel "scale": kernels\/test\/half\.wgsl:3:16 Shader .*identifier: `z` │ 3 │ return 0\.5 \* z; │ \^/,
  );
  assert.match(
    await errorOf(broken(SIZE, "8u", "eight")),
    isTint
      ? /^Cannot build kernel "scale": kernels\/test\/sizes\.ts \(generated\):2:14 .*'eight'/
      : /^Cannot build kernel "scale": kernels\/test\/sizes\.ts \(generated\):2:14 .*`eight` │ 2 │ const SIZE/,
  );
  assert.match(
    await errorOf(broken(OWN, "half(y[id.x])", "half(nothing)")),
    isTint
      ? /^Cannot build kernel "scale": kernels\/test\/scale\.wgsl:6:18 .*'nothing'/
      : /^Cannot build kernel "scale": kernels\/test\/scale\.wgsl:6:18 .*`nothing` │ 6 │ y\[id\.x\]/,
  );
  // What no single place is to blame for names the function.
  assert.match(
    await errorOf(broken(HALF, "return 0.5 * x", "return 1u")),
    isTint
      ? /^Cannot build kernel "scale": kernels\/test\/half\.wgsl:3:3 return statement type/
      : /^Cannot build kernel "scale": kernels\/test\/half\.wgsl:2:1 .*3 │ │ return 1u; .* 4 │ │ }/,
  );
});

Deno.test("a shader error counts its lines without the line that enables f16", async () => {
  const device = await openAdapter();
  const granted = device.features.has("shader-f16");
  device.destroy();
  assert.match(
    await errorOf(broken(OWN, "half(y[id.x])", "half(nothing)"), ["shader-f16"]),
    granted ? /kernels\/test\/scale\.wgsl:6:18 / : /the device does not grant "shader-f16"/,
  );
});

Deno.test("defineKernel() refuses a first line that differs from the parts before it", () => {
  const message = (said: string): string =>
    'Cannot define "scale": before kernels/test/scale.wgsl stand [test/half.wgsl, test/sizes.ts (generated)], ' +
    `its first line says [${said}]`;
  const said = "test/half.wgsl, test/sizes.ts (generated)";
  for (
    const wrong of ["test/half.wgsl", "test/sizes.ts (generated), test/half.wgsl", "test/{a|b}.wgsl, test/half.wgsl"]
  ) {
    assert.throws(() => defineKernel({ ...spec, code: broken(OWN, said, wrong) }), {
      name: "TypeError",
      message: message(wrong),
    });
  }
  assert.throws(() => defineKernel({ ...spec, code: broken(OWN, "// before:", "// after:") }), {
    name: "TypeError",
    message: message(""),
  });
  assert.throws(() => defineKernel({ ...spec, code: [OWN] }), /scale\.wgsl stand \[\], its first line says \[test/);
  defineKernel({ ...spec, code: broken(OWN, "half.wgsl", "{whole|half}.wgsl") });
});

/** The files below a folder of the project, from the root. */
async function filesBelow(folder: string, ending: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${name}`;
    if (isDirectory) files.push(...await filesBelow(path, ending));
    else if (path.endsWith(ending)) files.push(path);
  }
  return files.sort();
}

Deno.test("the WGSL of kernels/ names the files that stand before it, and the code names its files", async () => {
  const shaders = await filesBelow("kernels", ".wgsl");
  const before = new Set<string>();
  for (const path of shaders) {
    for (const name of partsBefore(await Deno.readTextFile(join(ROOT, path))).flatMap(namesIn)) {
      const generator = /^(.+\.ts) \(generated\)$/.exec(name)?.[1];
      if (generator !== undefined) {
        assert.ok((await Deno.stat(join(ROOT, "kernels", generator))).isFile);
        continue;
      }
      assert.ok(shaders.includes(`kernels/${name}`), `${path} says that ${name} stands before it`);
      before.add(`kernels/${name}`);
    }
  }
  const used: string[] = [];
  for (const path of await filesBelow("kernels", ".ts")) {
    const text = await Deno.readTextFile(join(ROOT, path));
    const imported = new Map(
      [...text.matchAll(/^import (\w+) from "(\S+)" with \{ type: "text" \};$/gm)]
        .map(([, name, from]) => [name!, join(path, "..", from!).replaceAll("\\", "/")]),
    );
    for (const [, name, variable] of text.matchAll(/name: "([^"]+\.wgsl)",\s*text: (\w+)/g)) {
      assert.equal(imported.get(variable!), name, path);
      used.push(name!);
    }
  }
  assert.deepEqual(used.sort(), shaders);
  // Those without an entry point stand before others, and no others do.
  const parts = await Promise.all(shaders.map(async (path) => {
    return { path, whole: /@compute/.test(await Deno.readTextFile(join(ROOT, path))) };
  }));
  assert.deepEqual(parts.filter(({ whole }) => !whole).map(({ path }) => path), [...before].sort());
});
