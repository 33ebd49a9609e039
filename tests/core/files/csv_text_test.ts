import { equal } from "node:assert/strict";
import { csvText } from "../../../core/files/csv_text.ts";

Deno.test("csvText() quotes what would end a cell, and leaves what is not known empty", () => {
  equal(
    csvText([["a", 'b "c"', "d,e"], [1.5, null, undefined], ["f\ng", "", 0]]),
    'a,"b ""c""","d,e"\n1.5,,\n"f\ng",,0\n',
  );
});
