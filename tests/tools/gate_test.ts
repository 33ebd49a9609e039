import { deepEqual } from "node:assert/strict";
import { lockProblems } from "../../tools/gate.ts";

Deno.test("lockProblems() names the lines that hold a download address", () => {
  const lock = `{\n  "integrity": "sha512-ab",\n  "tarball": "https://mirror.example/a.tgz"\n}\n`;
  deepEqual(lockProblems(lock), [
    `deno.lock:3 holds a download address: "tarball": "https://mirror.example/a.tgz"`,
  ]);
  deepEqual(lockProblems(`{ "specifiers": { "npm:yaml@2.9.1": "2.9.1" } }`), []);
});
