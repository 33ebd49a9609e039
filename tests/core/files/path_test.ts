import { equal } from "node:assert/strict";
import { posix } from "node:path";
import fc from "fast-check";
import { basename, dirname, join } from "../../../core/files/path.ts";

Deno.test("join() gives what Node's path.posix.join gives", () => {
  const part = fc.array(fc.constantFrom("a", "b.c", ".", "..", "/", "//", "", "\\"), { maxLength: 6 })
    .map((pieces) => pieces.join(""));
  fc.assert(fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
    equal(join(...parts), posix.join(...parts));
  }));
  equal(join("./runs//a/", "model"), "runs/a/model");
  equal(join("runs/../runs/b", "model"), "runs/b/model");
});

Deno.test("dirname() and basename() split at / and at Windows' separator", () => {
  for (const path of ["a/b", "a/b/", "/a", "a", "./a/b.json"]) {
    equal(dirname(path), posix.dirname(path));
    equal(basename(path), posix.basename(path));
  }
  equal(dirname("C:\\runs\\a"), "C:\\runs");
  equal(basename("C:\\runs\\a"), "a");
});
