import assert from "node:assert/strict";
import { formatTable } from "../../cli/text_table.ts";

Deno.test("formatTable() aligns text left and numbers right, without colours", () => {
  const table = formatTable(["method", "greedy"], [["SFT", "0.5"], ["DNPO", 0.75]]);
  assert.equal(
    table,
    [
      "┌────────┬────────┐",
      "│ method │ greedy │",
      "├────────┼────────┤",
      "│ SFT    │    0.5 │",
      "│ DNPO   │   0.75 │",
      "└────────┴────────┘",
    ].join("\n"),
  );
});

Deno.test("formatTable() takes which columns are text", () => {
  assert.match(formatTable(["a", "name"], [[1, "x"]], { text: [1] }), /│ 1 │ x {4}│/);
});

Deno.test("formatTable() becomes a list where the terminal is too narrow", () => {
  const table = formatTable(["method", "greedy", "sampled"], [["SFT", "0.5", ""], ["DNPO", 0.75, 0.5]], {
    columns: 20,
  });
  assert.equal(table, "SFT\n  greedy: 0.5\nDNPO\n  greedy: 0.75\n  sampled: 0.5");
  assert.equal(formatTable(["max_length", "rows", ""], [[4, 0, "as set"]], { columns: 9 }), "4\n  rows: 0\n  as set");
});
