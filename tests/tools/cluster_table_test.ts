import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { drawnLoads, withTables } from "../../tools/cluster_table.ts";

const page = await Deno.readTextFile(new URL("../../docs/cluster.md", import.meta.url));

/** The cells of the page's rows that begin with a number of ranks and one of rows. */
const rows = page.split("\n").map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
  .filter((cells) => /^[\d,]+$/.test(cells[0] ?? "") && /^[\d,]+$/.test(cells[1] ?? ""));

Deno.test("the page's lengths are those that the tool draws, and end the scaling where a rank has one row", () => {
  equal(rows.length, 8);
  const number = (cell: string): number => Number(cell.replaceAll(",", ""));
  const balances = rows.map(([ranks, step, cell]) => {
    const [count, size] = [number(ranks!), number(step!)];
    const { rows, tokens, heaviest } = drawnLoads(count, size);
    equal(rows, size);
    const balance = tokens / count / heaviest;
    equal(cell, `${Math.round(100 * balance)} %`, `${count} ranks: deno task docs:cluster writes the page anew`);
    return { each: size / count, balance };
  });
  for (const { each, balance } of balances) {
    ok(each >= 4 ? balance > 0.9 : each > 1 || balance < 0.6, `${each} ${balance}`);
  }
  // Whatever the link, no efficiency is above that of the lengths.
  for (const [, , lengths, ...cells] of rows) ok(cells.every((cell) => parseInt(cell) <= parseInt(lengths!)));
});

Deno.test("the mean of the drawn lengths is that of the pair that is planned, and their variation the one that is told", () => {
  const { tokens } = drawnLoads(1, 1024);
  ok(Math.abs(tokens / 1024 / 856 - 1) < 0.01, `${tokens / 1024}`);
  // Of 1,024 lengths with this variation the largest is about 2.9 times the mean.
  const { heaviest } = drawnLoads(1024, 1024);
  ok(heaviest / 856 > 2.4 && heaviest / 856 < 3.6, `${heaviest}`);
});

Deno.test("tables are written between the page's marks, and nowhere else", () => {
  const again = withTables(page, "| new |");
  const [before, after] = page.split(/<!-- .* -->/).filter((_, i) => i !== 1);
  ok(again.startsWith(before!) && again.endsWith(after!) && again.includes("\n\n| new |\n\n"));
  deepEqual(withTables(again, "| new |"), again);
  throws(() => withTables("no marks", ""), /docs\/cluster.md has no/);
});
