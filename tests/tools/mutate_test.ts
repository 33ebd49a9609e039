import { deepEqual, equal, match, throws } from "node:assert/strict";
import { mutate, mutationsPage, type TriedMutation } from "../../tools/mutate.ts";
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
  const shaders = await listShaders(kernels);
  equal(shaders.length > 0, true);
  deepEqual(shaders.filter((name) => !broken.has(name)), []);
});

const PAGE = new URL("../../docs/development/mutations.md", import.meta.url);

Deno.test("mutationsPage() says of each mutation which test caught it, or how the run ended", async () => {
  const mutation = { file: "norm/a.wgsl", what: "sign", test: "norm/a_test.ts" };
  const page = mutationsPage([
    { ...mutation, outcome: "caught", by: "a() adds" },
    { ...mutation, outcome: "SURVIVED", by: "" },
    { ...mutation, outcome: "BROKEN", by: "no such name" },
  ]);
  match(page, /^\| norm\/a\.wgsl \| sign \| norm\/a_test\.ts: a\(\) adds \|$/m);
  match(page, /^\| norm\/a\.wgsl \| sign \| SURVIVED \|$/m);
  match(page, /^\| norm\/a\.wgsl \| sign \| BROKEN no such name \|$/m);
  match(page, /\n\n3 mutations, 1 caught\n$/);
  // The page that is kept has this form too (else: deno task mutations).
  const text = await Deno.readTextFile(PAGE);
  const tried = [...text.matchAll(/^\| (\S+\.(?:wgsl|ts)) \| (.+?) \| (\S+): (.+) \|$/gm)].map((
    [, file, what, test, by],
  ): TriedMutation => ({ file: file!, what: what!, test: test!, outcome: "caught", by: by! }));
  equal(text, mutationsPage(tried));
});

/** Paths of the shaders in a folder and those below, relative to it. */
async function listShaders(folder: URL, prefix = ""): Promise<string[]> {
  const lists = await Array.fromAsync(Deno.readDir(folder), ({ name, isDirectory }) => {
    if (isDirectory) return listShaders(new URL(`${name}/`, folder), `${prefix}${name}/`);
    return name.endsWith(".wgsl") ? [prefix + name] : [];
  });
  return lists.flat();
}
