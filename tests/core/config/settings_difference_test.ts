import { doesNotThrow, throws } from "node:assert/strict";
import { checkSameSettings } from "../../../core/config/settings_difference.ts";

const check = (was: unknown, is: unknown) => () =>
  checkSameSettings(was, is, { what: "it", file: "f", advice: "stop" });

Deno.test("checkSameSettings() takes a path for the same with ./ before it or / behind it", () => {
  doesNotThrow(check({ model: "./examples/x", pairs: "a.jsonl" }, { model: "examples/x/", pairs: ".//./a.jsonl" }));
  doesNotThrow(check({ data: { train: ["./a", "/b/"] } }, { data: { train: ["a", "/b"] } }));
  const differ: [unknown, unknown][] = [
    ["../x", "x"],
    ["/", "."],
    [".x", "x"],
    ["./x y", "x y"],
    ["./{prompt}", "{prompt}"],
    ["http://a/v1/", "http://a/v1"],
  ];
  for (const [was, is] of differ) {
    throws(check({ model: was }, { model: is }), /^UserError: Cannot go on with it: model is/);
  }
});
