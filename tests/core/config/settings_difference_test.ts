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

Deno.test("checkSameSettings() takes a key that was not there yet for its default, and for nothing else", () => {
  const training = { beta: 0.1 };
  doesNotThrow(check({ training }, { training: { ...training, gradient_checkpointing: false }, quantization: "none" }));
  throws(
    check({ training }, { training, quantization: "int4" }),
    /^UserError: Cannot go on with it: quantization is "int4", expected not set as in f; stop$/,
  );
  doesNotThrow(check({ training }, { training: { ...training, precision: "float32" } }));
  throws(check({ training }, { training: { ...training, precision: "float16" } }), /training\.precision is "float16"/);
  throws(check({ training, quantization: "int4" }, { training }), /quantization is not set, expected "int4"/);
});
