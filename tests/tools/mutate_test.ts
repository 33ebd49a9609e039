import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { mutate } from "../../tools/mutate.ts";
import { MUTATIONS } from "../../tools/mutations.ts";

const kernels = new URL("../../kernels/", import.meta.url);
const tests = new URL("../kernels/", import.meta.url);

Deno.test("mutate() replaces the text that it searches, which must stand there once", () => {
  const mutation = { file: "a.wgsl", what: "sign", search: "a + b", replace: "a - b", test: "a_test.ts" };
  equal(mutate("x = a + b;", mutation), "x = a - b;");
  throws(() => mutate("a + b + a + b", mutation), /^Error: Cannot mutate a.wgsl \(sign\): "a \+ b" occurs 2 times/);
  throws(() => mutate("", mutation), /occurs 0 times, expected 1$/);
});

Deno.test("MUTATIONS fit the kernels as they are, and break every shader", async () => {
  for (const mutation of MUTATIONS) {
    const text = await Deno.readTextFile(new URL(mutation.file, kernels));
    equal(mutate(text, mutation) === text, false, `${mutation.file}: ${mutation.what}`);
    equal((await Deno.stat(new URL(mutation.test, tests))).isFile, true);
  }
  const broken = new Set(MUTATIONS.map(({ file }) => file));
  const shaders: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(new URL(folder, kernels))) {
      if (isDirectory) await walk(`${folder}${name}/`);
      else if (name.endsWith(".wgsl")) shaders.push(`${folder}${name}`);
    }
  };
  await walk("");
  ok(shaders.length > 0);
  deepEqual(shaders.filter((name) => !broken.has(name)), []);
});
