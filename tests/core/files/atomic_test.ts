import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../core/error.ts";
import { replaceFileAtomic, writeFileAtomic } from "../../../core/files/atomic.ts";
import { namesIn, withFolder } from "../checkpoint/_fixtures.ts";

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
      replaceFileAtomic(path, async (write) => {
        await write(Uint8Array.of(1, 2, 3));
        throw failure;
      }),
      failure,
    );
    strictEqual(await Deno.readTextFile(path), "old");
    deepStrictEqual(await namesIn(dir), ["a"]);
  });
});

Deno.test("replaceFileAtomic() writes a piece while the next one is made, and flushes much of it on the way", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "a");
    const { promise: made, resolve } = Promise.withResolvers<void>();
    const { write, syncData } = Deno.FsFile.prototype;
    let [flushes, running, together] = [0, 0, 0];
    // The first piece's write ends only once the second piece is there.
    Deno.FsFile.prototype.write = async function (data) {
      together = Math.max(together, ++running);
      await made;
      const bytes = await write.call(this, data);
      running--;
      return bytes;
    };
    Deno.FsFile.prototype.syncData = function () {
      flushes++;
      return syncData.call(this);
    };
    const pieces = [1, 2, 3].map((value) => new Uint8Array(24 * 2 ** 20).fill(value));
    try {
      await replaceFileAtomic(path, async (write) => {
        await write(pieces[0]!);
        resolve();
        for (const piece of pieces.slice(1)) await write(piece);
      });
    } finally {
      Object.assign(Deno.FsFile.prototype, { write, syncData });
    }
    ok(flushes > 0);
    strictEqual(together, 1);
    const file = await Deno.readFile(path);
    strictEqual(file.length, 72 * 2 ** 20);
    ok(pieces.every((piece, i) => file.subarray(i * piece.length, (i + 1) * piece.length).every((x) => x === i + 1)));
    deepStrictEqual(await namesIn(dir), ["a"]);
  });
});

Deno.test("replaceFileAtomic() tells of the last write's failure, and waits for a write where the content fails", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "a");
    const { write } = Deno.FsFile.prototype;
    let pending = 0;
    const full = new Error("no space");
    Deno.FsFile.prototype.write = async function () {
      pending++;
      await new Promise((done) => setTimeout(done, 20));
      pending--;
      throw full;
    };
    try {
      await rejects(replaceFileAtomic(path, (write) => write(Uint8Array.of(1))), full);
      const lost = new Error("device lost");
      const failing = replaceFileAtomic(path, async (write) => {
        await write(Uint8Array.of(1));
        throw lost;
      });
      await rejects(failing, lost);
      strictEqual(pending, 0);
    } finally {
      Deno.FsFile.prototype.write = write;
    }
    deepStrictEqual(await namesIn(dir), []);
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
