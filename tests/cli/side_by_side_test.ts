import { equal } from "node:assert/strict";
import { sideBySide } from "../../cli/side_by_side.ts";

Deno.test("sideBySide() lays texts in columns, whole and harmless", () => {
  const text = sideBySide(["a", "b\x1b[2J"], ["one two three four five six", `x\x1b[31m\n${"y".repeat(30)}`], 51);
  equal(
    text,
    [
      "a                        │ b [2J",
      "─────────────────────────┼─────────────────────────",
      "one two three four five  │ x [31m",
      "six                      │ yyyyyyyyyyyyyyyyyyyyyyyy",
      "                         │ yyyyyy",
      "",
    ].join("\n"),
  );
});

Deno.test("sideBySide() puts texts below each other in a narrow terminal", () => {
  equal(sideBySide(["a", "b"], ["one", "two"], 40), "a:\none\n\nb:\ntwo\n");
});
