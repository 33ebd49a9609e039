import { deepEqual } from "node:assert/strict";
import { formatProblems, lockProblems } from "../../tools/gate.ts";
import { withFolder } from "../_shared/dnpo.ts";

Deno.test("lockProblems() names the lines that hold a download address", () => {
  const lock = `{\n  "integrity": "sha512-ab",\n  "tarball": "https://mirror.example/a.tgz"\n}\n`;
  deepEqual(lockProblems(lock), [
    `deno.lock:3 holds a download address: "tarball": "https://mirror.example/a.tgz"`,
  ]);
  deepEqual(lockProblems(`{ "specifiers": { "npm:yaml@2.9.1": "2.9.1" } }`), []);
});

Deno.test("formatProblems() names the files that are not formatted, and those that cannot be", () =>
  withFolder(async (dir) => {
    const write = (name: string, text: string): Promise<void> => Deno.writeTextFile(`${dir}/${name}`, text);
    await write("deno.json", "{}\n");
    await write("good.ts", "export const b = 1;\n");
    deepEqual(await formatProblems(dir), []);
    await Deno.mkdir(`${dir}/in`);
    await write("in/wide.ts", "const a   = 1\nexport {a}\n");
    await write("broken.ts", "x =\n");
    deepEqual(await formatProblems(dir), [
      "broken.ts cannot be formatted: SyntaxError: Expression expected",
      "in/wide.ts is not formatted, as deno fmt does it",
    ]);
  }));
