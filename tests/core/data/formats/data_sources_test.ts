/** Which files of a local folder are read, against what the `datasets` library finds in it (goldens/folder_splits.py). */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { openSource } from "../../../../core/data/formats/data_sources.ts";
import { splitsByName } from "../../../../core/data/formats/split_names.ts";
import { withFolder } from "../../_tiny.ts";
import goldens from "./goldens/folder_splits.json" with { type: "json" };

const EVAL = ["test", "validation"];

async function writeFiles(dir: string, files: readonly string[]): Promise<void> {
  await Deno.mkdir(`${dir}/data`, { recursive: true });
  for (const file of files) await Deno.writeTextFile(`${dir}/${file}`, '{"prompt":"p","response":"r"}\n');
}

Deno.test("splitsByName() finds the splits that datasets finds", () => {
  for (const { files, splits } of goldens) {
    const found = [...splitsByName(files)].map(([split, paths]) => [split, paths.toSorted()]);
    deepEqual(Object.fromEntries(found), splits, files.join());
  }
});

Deno.test("openSource() reads of a folder the split train that datasets finds, for held-out rows test or validation", async () => {
  for (const { files, splits } of goldens as { files: string[]; splits: Record<string, string[]> }[]) {
    await withFolder(async (dir) => {
      await writeFiles(dir, files);
      const opened = async (prefer: string[]): Promise<string[] | null> => {
        try {
          const [set] = await openSource(dir, { prefer });
          const read = set!.files.map((file) => file.slice(dir.length + 1));
          // What is left out is told.
          equal(set!.unread === null, read.length === files.length, `${files}: ${set!.unread}`);
          return read.sort();
        } catch (error) {
          equal((error as Error).name, "UserError");
          return null;
        }
      };
      const expected = (names: string[]): string[] | null =>
        names.map((name) => splits[name]).find((found) => found !== undefined)?.toSorted() ?? null;
      deepEqual(await opened(["train"]), expected(["train"]), files.join());
      const held = expected(EVAL);
      // Where no split is held out, and no other is named, a folder is what it is: all of it.
      if (held !== null) deepEqual(await opened(EVAL), held, files.join());
    });
  }
});

Deno.test("openSource() says what of a folder is read, and names the splits where it cannot choose", () =>
  withFolder(async (dir) => {
    await writeFiles(dir, ["train.jsonl", "dev.jsonl", "test.jsonl", "rows.jsonl", "more.jsonl"]);
    const [all] = await openSource(dir);
    equal(all!.unread, "the split train of it is read, and not dev.jsonl, more.jsonl, rows.jsonl and 1 more");
    const [named] = await openSource(`${dir}/validation`);
    deepEqual([named!.files, named!.unread], [[`${dir}/dev.jsonl`], null]);
    deepEqual((await openSource(`${dir}/dev[:1]`))[0]!.files, [`${dir}/dev.jsonl`]);
    await rejects(
      openSource(`${dir}/other`),
      /^UserError: Cannot read \S+: it has no split "other", expected test, train, validation$/,
    );
    await Deno.remove(`${dir}/train.jsonl`);
    await rejects(
      openSource(dir),
      /^UserError: Cannot read \S+: it has the splits test, validation; name one, as \S+\/test$/,
    );
    await Deno.remove(`${dir}/dev.jsonl`);
    await rejects(
      openSource(dir),
      /^UserError: Cannot read \S+: by its files' names it has the split test alone, and other files; name a file, or the split as \S+\/test$/,
    );
    await Deno.remove(`${dir}/rows.jsonl`);
    await Deno.remove(`${dir}/more.jsonl`);
    deepEqual((await openSource(dir))[0]!.files, [`${dir}/test.jsonl`]);
  }));

Deno.test("openSource() refuses a run's folder, and names the files of pairs that are there", () =>
  withFolder(async (dir) => {
    const write = async (...files: string[]): Promise<void> => {
      for (const file of files) {
        await Deno.mkdir(`${dir}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
        await Deno.writeTextFile(`${dir}/${file}`, "{}\n");
      }
    };
    const refused = (name: string, what: string): Promise<void> =>
      rejects(openSource(`${dir}/${name}`), { name: "UserError", message: `Cannot read ${dir}/${what}` });
    const pairsOf = (k: number): string => `${dir}/run/iteration-${k}/pairs.jsonl`;
    await write("run/checksums.json", "run/log.jsonl", "run/metrics.jsonl");
    await refused("run", "run: it is a run's folder, expected a file of rows; it has no pairs");
    await write("run/iteration-2/generation.json", "run/iteration-2/pairs.jsonl", "run/iteration-1/model/config.json");
    await refused("run", `run: it is a run's folder, expected its file of pairs, ${pairsOf(2)}`);
    await refused(
      "run/iteration-2",
      `run/iteration-2: it is the folder of a run's iteration, expected its file of pairs, ${pairsOf(2)}`,
    );
    await write("set/train.jsonl", "set/checksums.json", "set/log.jsonl");
    // Nor is a set whose splits have names.
    deepEqual((await openSource(`${dir}/set`))[0]!.files, [`${dir}/set/train.jsonl`]);
    await write("run/iteration-10/pairs.jsonl");
    await refused("run[:9]", `run: it is a run's folder, expected its file of pairs, ${pairsOf(2)} or ${pairsOf(10)}`);
    for (const k of [3, 4, 5]) await write(`run/iteration-${k}/pairs.jsonl`);
    const some = `${pairsOf(2)}, ${pairsOf(3)}, … or ${pairsOf(10)}`;
    await refused("run", `run: it is a run's folder, expected its file of pairs, ${some}`);
    // A folder that pairs were gathered in is no run's.
    await write("gathered/pairs.jsonl", "gathered/iteration-0/pairs.jsonl");
    const [set] = await openSource(`${dir}/gathered`);
    deepEqual(set!.files, [`${dir}/gathered/pairs.jsonl`]);
  }));
