import { equal, throws } from "node:assert/strict";
import { unrollLoops } from "../../kernels/unroll.ts";

const LOOPS = `fn main() {
  for (var i = 0u; i < KEPT; i++) { // of a lane
    if (i > 0) {
      kept[i] = f(i); // each
    }
  }
  for (var i = 0u; i < OTHER; i++) {}
  for (var i = 0u; i < KEPT; i++) {
    g(kept[i]);
  }
}`;

Deno.test("unrollLoops() repeats the loops up to a name, and leaves lines where they are", () => {
  equal(
    unrollLoops(LOOPS, { name: "KEPT", count: 2 }),
    `fn main() {
  { const i = 0u; if (i > 0) { kept[i] = f(i); } } { const i = 1u; if (i > 0) { kept[i] = f(i); } }




  for (var i = 0u; i < OTHER; i++) {}
  { const i = 0u; g(kept[i]); } { const i = 1u; g(kept[i]); }


}`,
  );
  equal(
    unrollLoops(LOOPS, { name: "KEPT", count: 0 }).replace(/\s+/g, " "),
    "fn main() { for (var i = 0u; i < OTHER; i++) {} }",
  );
});

Deno.test("unrollLoops() refuses a loop without an end", () => {
  throws(() => unrollLoops("for (var i = 0u; i < KEPT; i++) { {}", { name: "KEPT", count: 2 }), {
    name: "TypeError",
    message: "Cannot unroll a loop up to KEPT: its bracket is not closed",
  });
});
