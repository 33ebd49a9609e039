/** What a start that is refused leaves in its folder. */
import { deepEqual, rejects } from "node:assert/strict";
import { unlessRefused } from "../../../core/run/unbegun_run.ts";
import { UserError } from "../../../core/error.ts";
import { withFolder } from "../../_shared/dnpo.ts";

/** The names that a start leaves which writes these files and then throws, with or without having begun. */
async function left(
  dir: string,
  { files, isMade = true, begins = false, error = new UserError("refused"), before = [] }: {
    files: readonly string[];
    isMade?: boolean;
    begins?: boolean;
    error?: Error;
    before?: readonly string[];
  },
): Promise<string[] | null> {
  const folder = `${dir}/${crypto.randomUUID()}`;
  await Deno.mkdir(folder);
  for (const name of [".lock", ...before]) await Deno.writeTextFile(`${folder}/${name}`, "");
  const work = unlessRefused({ folder, isMade }, async (begin) => {
    for (const name of files) await Deno.writeTextFile(`${folder}/${name}`, "");
    if (begins) begin();
    throw error;
  });
  await rejects(work, error);
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

Deno.test("unlessRefused() removes what a refused start has written, and nothing else", () =>
  withFolder(async (dir) => {
    const files = ["log.jsonl", "kernels.json"];
    deepEqual(await left(dir, { files }), null);
    // Another process may wait for the lock of a folder that was there.
    deepEqual(await left(dir, { files, isMade: false }), [".lock"]);
    const all = [".lock", "kernels.json", "log.jsonl"];
    deepEqual(await left(dir, { files, begins: true }), all);
    deepEqual(await left(dir, { files, error: new TypeError("a bug") }), all);
    deepEqual(await left(dir, { files, isMade: false, before: ["notes.txt"] }), [...all, "notes.txt"]);
    // A download that broke off goes on with the commit that was found.
    deepEqual(await left(dir, { files: [...files, "sources.json"] }), [...all, "sources.json"]);
  }));
