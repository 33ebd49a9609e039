import { deepEqual, equal, notDeepEqual, rejects, throws } from "node:assert/strict";
import type { DataSource } from "../../../core/data/formats/data_sources.ts";
import { resolveRowRange, splitRowRange } from "../../../core/data/formats/row_range.ts";
import type { DataRow } from "../../../core/data/parse_row.ts";
import { readRows, type ReadRowsOptions } from "../../../core/data/read_rows.ts";
import { philox4x32 } from "../../../kernels/random/philox.ts";
import { parquetPath, withFolder } from "./_fixtures.ts";

/** Ten rows a0 … a9, and five rows b0 … b4 in two files of the folder `b`. */
function withSets<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const rows = (name: string, from: number, to: number): string =>
    Array.from({ length: to - from }, (_, i) => JSON.stringify({ prompt: `${name}${from + i}`, response: "r" }) + "\n")
      .join("");
  return withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/a.jsonl`, rows("a", 0, 10));
    await Deno.mkdir(`${dir}/b`);
    await Deno.writeTextFile(`${dir}/b/1.jsonl`, rows("b", 3, 5));
    await Deno.writeTextFile(`${dir}/b/0.jsonl`, rows("b", 0, 3));
    await Deno.writeTextFile(`${dir}/b/README.md`, "not data");
    return await use(dir);
  });
}

const names = (rows: readonly DataRow[]): string => rows.map((row) => "prompt" in row ? row.prompt : "").join(" ");

async function read(source: DataSource, options: ReadRowsOptions = {}): Promise<string> {
  const { rows } = await readRows(source, options);
  // Rows are counted in the order in which they are read.
  deepEqual(rows.map(({ row }) => row), rows.map((_, i) => i));
  return names(rows);
}

Deno.test("resolveRowRange() has the bounds of Hugging Face's datasets", () => {
  const range = (text: string, count: number): [number, number] => {
    const { from, to } = resolveRowRange(splitRowRange(`rows${text}`).slice!, count);
    return [from, to];
  };
  // From datasets' own tests and documentation of split slices.
  deepEqual(range("[:10]", 100), [0, 10]);
  deepEqual(range("[10:20]", 100), [10, 20]);
  deepEqual(range("[-10:]", 100), [90, 100]);
  deepEqual(range("[:-10]", 100), [0, 90]);
  deepEqual(range("[:500]", 100), [0, 100]);
  deepEqual(range("[-500:]", 100), [0, 100]);
  deepEqual(range("[10%:20%]", 999), [100, 200]);
  deepEqual(range("[:50%]", 3), [0, 2]);
  deepEqual(range("[:50%]", 5), [0, 2]);
  deepEqual(range("[-1%:]", 200), [198, 200]);
  deepEqual(range("[:]", 7), [0, 7]);
  for (const text of ["[]", "[5]", "[a:b]", "[10%:20]", "[:101%]", "[1:2:3]", "[1.5:2]"]) {
    throws(
      () => splitRowRange(`rows${text}`),
      { name: "UserError", message: /is no slice, expected \[FROM:TO\]/ },
      text,
    );
  }
  deepEqual(splitRowRange("rows.jsonl"), { name: "rows.jsonl", slice: null });
});

Deno.test("readRows() reads slices, folders in name order, and several sets", () =>
  withSets(async (dir) => {
    equal(await read(`${dir}/a.jsonl[2:4]`), "a2 a3");
    equal(await read(`${dir}/a.jsonl[-2:]`), "a8 a9");
    equal(await read(`${dir}/a.jsonl[:20%]`), "a0 a1");
    equal(await read(`${dir}/b`), "b0 b1 b2 b3 b4");
    equal(await read(`${dir}/b[2:4]`), "b2 b3");
    equal(
      await read([`${dir}/a.jsonl[:1]`, { path: `${dir}/b`, split: "train[-1:]" }, `${dir}/a.jsonl[9:]`]),
      "a0 b4 a9",
    );
    equal(await read([`${dir}/b`, `${dir}/a.jsonl`], { limit: 6 }), "b0 b1 b2 b3 b4 a0");
    await Deno.copyFile(`${dir}/a.jsonl`, `${dir}/a[:3]`);
    equal((await read(`${dir}/a[:3]`)).split(" ").length, 10);
    await rejects(readRows(`${dir}/a.jsonl[5:5]`), /it holds no rows/);
    await rejects(readRows([{ path: `${dir}/a.jsonl`, split: "test" }]), /has the split "train" only/);
    await rejects(readRows(`${dir}/none.jsonl`), /^UserError: Cannot read \S+none\.jsonl: there is no such file$/);
    await rejects(readRows(`${dir}/b/none.jsonl[:2]`), /Cannot read \S+none\.jsonl: there is no such file/);
    const { rows } = await readRows(`${parquetPath("zstd")}[-3:-1]`);
    deepEqual(rows.map(({ row, reference }) => [row, reference]), [[0, 9], [1, 10]]);
  }));

Deno.test("readRows() finds the splits of a folder as the hub lays it out, and names without one behind locate", () =>
  withSets(async (dir) => {
    await Deno.mkdir(`${dir}/set/data`, { recursive: true });
    for (
      const [i, name] of ["train_sft-00000-of-00002", "train_sft-00001-of-00002", "test_sft-00000-of-00001"].entries()
    ) {
      await Deno.writeTextFile(`${dir}/set/data/${name}.jsonl`, `{"prompt":"s${i}","response":"r"}`);
    }
    await Deno.writeTextFile(`${dir}/set/dataset_info.json`, "{}");
    equal(await read(`${dir}/set/train_sft`), "s0 s1");
    equal(await read(`${dir}/set/train_sft[1:]`), "s1");
    equal(await read([{ path: `${dir}/set`, split: "test_sft" }]), "s2");
    await rejects(readRows(`${dir}/set`), /has the splits test_sft, train_sft; name one, as \S+\/set\/test_sft$/);
    await rejects(readRows(`${dir}/set/train`), /has no split "train", expected test_sft, train_sft/);
    const asked: string[] = [];
    const locate = (name: string): Promise<string[]> => {
      asked.push(name);
      return Promise.resolve([`${dir}/a.jsonl`]);
    };
    equal(await read("org/name:main/test[:2]", { locate }), "a0 a1");
    equal(await read([{ path: "org/name@v1", name: "main", split: "train[3:4]" }], { locate }), "a3");
    deepEqual(asked, ["org/name:main/test", "org/name:main/train@v1"]);
    await rejects(readRows("org/name"), /there is no such file/);
  }));

Deno.test("readRows() shuffles all sets together by the method's Philox, and takes the limit afterwards", () =>
  withSets(async (dir) => {
    const source = [`${dir}/a.jsonl`, `${dir}/b`];
    const all = [..."0123456789"].map((i) => `a${i}`).concat([..."01234"].map((i) => `b${i}`));
    const words = all.map((_, i) => philox4x32([i, 0, 0, 0], [7, 4 * 2 ** 24]));
    const order = all.map((_, i) => i).sort((i, j) => words[i]![0]! - words[j]![0]! || words[i]![1]! - words[j]![1]!);
    const expected = order.map((i) => all[i]).join(" ");
    notDeepEqual(expected, all.join(" "));
    equal(await read(source, { shuffle: true, seed: 7 }), expected);
    equal(await read(source, { shuffle: true, seed: 7, limit: 4 }), expected.split(" ").slice(0, 4).join(" "));
    notDeepEqual(await read(source, { shuffle: true, seed: 8 }), expected);
    equal(await read(source, { shuffle: true }), await read(source, { shuffle: true, seed: 42 }));
  }));

Deno.test("readRows() takes a share of a set by its weight, in the file's order, the same for the same seed", () =>
  withSets(async (dir) => {
    const share = (weight: number, seed = 1): Promise<string> =>
      read([{ path: `${dir}/a.jsonl`, weight }, `${dir}/b[:1]`], { seed });
    const picked = (await share(0.75)).split(" ");
    equal(picked.length, 7 + 1);
    equal(picked.at(-1), "b0");
    deepEqual(picked, [...picked].sort());
    equal(await share(0.75), picked.join(" "));
    // A smaller share is a part of a larger one.
    const fewer = (await share(0.3)).split(" ");
    deepEqual([fewer.length, fewer.every((name) => picked.includes(name))], [4, true]);
    notDeepEqual(await share(0.3, 2), fewer.join(" "));
    const words = Array.from({ length: 10 }, (_, i) => philox4x32([i, 1, 0, 0], [1, 4 * 2 ** 24])[0]);
    const three = [...words.keys()].sort((i, j) => words[i]! - words[j]!).slice(0, 3).sort();
    deepEqual(fewer.slice(0, 3), three.map((i) => `a${i}`));
    equal(await read([{ path: `${dir}/a.jsonl`, weight: 0.05 }, `${dir}/b`]), "b0 b1 b2 b3 b4");
  }));

Deno.test("readRows() counts malformed rows in slices and shuffles, and reads more in place of those it skips", () =>
  withFolder(async (dir) => {
    const path = `${dir}/rows.jsonl`;
    const lines = Array.from(
      { length: 40 },
      (_, i) => i % 2 ? "{}" : JSON.stringify({ prompt: `p${i}`, response: "r" }),
    );
    await Deno.writeTextFile(path, lines.join("\n"));
    const { rows, skipped } = await readRows(`${path}[10:14]`, { onBadRow: "skip" });
    deepEqual(rows.map(({ row, where }) => [row, where]), [[0, `${path}:11`], [2, `${path}:13`]]);
    equal(skipped.length, 2);
    const shuffled = await readRows(path, { onBadRow: "skip", shuffle: true, limit: 15 });
    equal(shuffled.rows.length, 15);
    const at = shuffled.rows.map(({ row }) => row);
    deepEqual([new Set(at).size, at], [15, [...at].sort((a, b) => a - b)]);
    equal(at.at(-1)! + 1, 15 + shuffled.skipped.length);
    await rejects(readRows(path, { shuffle: true }), /rows\.jsonl:\d+: the row has no keys/);
  }));
