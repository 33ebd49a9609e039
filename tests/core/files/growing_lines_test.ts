import { deepEqual, equal, rejects } from "node:assert/strict";
import { GrowingLines } from "../../../core/files/growing_lines.ts";
import { withFolder } from "../_tiny.ts";

/** What a reader hands on at each call. */
function taker(): { seen: (string | null)[]; numbers: number[]; restarts: number; take: () => (string | null)[] } & {
  onLine: (line: string | null, number: number) => void;
  onRestart: () => void;
} {
  const state = {
    seen: [] as (string | null)[],
    numbers: [] as number[],
    restarts: 0,
    take: () => state.seen.splice(0),
    onLine: (line: string | null, number: number) => {
      state.seen.push(line);
      state.numbers.push(number);
    },
    onRestart: () => {
      state.restarts++;
    },
  };
  return state;
}

Deno.test("GrowingLines hands on each line once, and a part of a line only when it is whole", () =>
  withFolder(async (dir) => {
    const path = `${dir}/lines`;
    const lines = new GrowingLines(path);
    const to = taker();
    await lines.read(to);
    deepEqual(to.take(), []);
    await Deno.writeTextFile(path, "one\ntwö\nth", { append: true });
    await lines.read(to);
    deepEqual(to.take(), ["one", "twö"]);
    await lines.read(to);
    deepEqual(to.take(), []);
    await Deno.writeTextFile(path, "ree\n\n", { append: true });
    await lines.read(to);
    deepEqual(to.take(), ["three", ""]);
    deepEqual([to.numbers, to.restarts], [[1, 2, 3, 4], 0]);
  }));

Deno.test("GrowingLines joins lines that are longer than what it reads at a time", () =>
  withFolder(async (dir) => {
    const path = `${dir}/lines`;
    const long = "ä".repeat(400_000);
    await Deno.writeTextFile(path, `a\n${long}\nb\n`);
    const to = taker();
    await new GrowingLines(path).read(to);
    deepEqual(to.seen, ["a", long, "b"]);
    await Deno.writeTextFile(path, `${"x".repeat(2 ** 24 + 1)}\nb\n`);
    const other = taker();
    await new GrowingLines(path).read(other);
    deepEqual(other.seen, [null, "b"]);
  }));

Deno.test("GrowingLines begins anew where the file was replaced, shortened or removed", () =>
  withFolder(async (dir) => {
    const path = `${dir}/lines`;
    const lines = new GrowingLines(path);
    const to = taker();
    await Deno.writeTextFile(path, "one\ntwo\n");
    await lines.read(to);
    // As a resumed run does: another file takes the name. A line of it ends where one ended before, so that only its identity tells.
    await Deno.writeTextFile(`${path}.tmp`, "one\nTWO\nthree\n");
    await Deno.rename(`${path}.tmp`, path);
    to.take();
    await lines.read(to);
    deepEqual([to.take(), to.restarts], [["one", "TWO", "three"], 1]);
    await Deno.truncate(path, 4);
    await lines.read(to);
    deepEqual([to.take(), to.restarts], [["one"], 2]);
    await Deno.remove(path);
    await lines.read(to);
    equal(to.restarts, 3);
  }));

Deno.test("GrowingLines names what it cannot read", () =>
  withFolder((dir) => rejects(new GrowingLines(dir).read(taker()), { name: "UserError", message: /^Cannot read / })));
