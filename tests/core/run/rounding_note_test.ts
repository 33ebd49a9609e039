import { deepEqual } from "node:assert/strict";
import { noteRounding } from "../../../core/run/rounding_note.ts";

Deno.test("noteRounding() says what rounding took, and recommends float32 where that is much", () => {
  const lines: string[] = [];
  const note = (lost: number | null): void =>
    noteRounding({ onNote: (line) => lines.push(line) }, { lost, dtype: "BF16" });
  note(null);
  note(0.0123);
  note(0.6);
  note(100.4);
  deepEqual(lines, [
    "The model is saved as bfloat16: rounding moves its weights by 1.2 % of what training did",
    "The model is saved as bfloat16: rounding moves its weights by 60 % of what training did; dtype float32 keeps it all",
    "The model is saved as bfloat16: rounding moves its weights 100 times as far as training did; dtype float32 keeps it all",
  ]);
});
