import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { replaceFileAtomic, writeFileAtomic } from "../../../core/checkpoint/atomic.ts";
import { UserError } from "../../../core/error.ts";
import { namesIn, withFolder } from "./_fixtures.ts";

Deno.test("writeFileAtomic() writes and replaces text and bytes, and leaves nothing beside", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "state.json");
    await writeFileAtomic(path, "first, and longer");
    await writeFileAtomic(path, "zwölf");
    strictEqual(await Deno.readTextFile(path), "zwölf");
    await writeFileAtomic(path, Uint8Array.of(1, 2));
    deepStrictEqual([...await Deno.readFile(path)], [1, 2]);
    deepStrictEqual(await namesIn(dir), ["state.json"]);
  });
});

Deno.test("writeFileAtomic() writes over what a killed process left", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "a");
    await Deno.writeTextFile(`${path}.tmp`, "half of something long");
    await writeFileAtomic(path, "new");
    strictEqual(await Deno.readTextFile(path), "new");
    deepStrictEqual(await namesIn(dir), ["a"]);
  });
});

Deno.test("replaceFileAtomic() keeps the old file and removes the new where writing fails", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "a");
    await writeFileAtomic(path, "old");
    const failure = new Error("no more rows");
    await rejects(
      replaceFileAtomic(path, async (file) => {
        await file.write(Uint8Array.of(1, 2, 3));
        throw failure;
      }),
      failure,
    );
    strictEqual(await Deno.readTextFile(path), "old");
    deepStrictEqual(await namesIn(dir), ["a"]);
  });
});

Deno.test("writeFileAtomic() tells in one line that the folder is missing or the path a folder", async () => {
  await withFolder(async (dir) => {
    await rejects(writeFileAtomic(join(dir, "no", "a"), "x"), (error) => {
      strictEqual((error as UserError).name, "UserError");
      strictEqual((error as UserError).message, `Cannot write ${join(dir, "no", "a")}: No such file or directory`);
      return true;
    });
    await Deno.mkdir(join(dir, "sub"));
    await rejects(writeFileAtomic(join(dir, "sub"), "x"), UserError);
    deepStrictEqual(await namesIn(dir), ["sub"]);
  });
});
