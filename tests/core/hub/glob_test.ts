import { deepEqual, throws } from "node:assert/strict";
import { globToRegExp } from "../../../core/hub/glob.ts";

Deno.test("globToRegExp() matches whole paths as data set cards mean it", () => {
  const matched = (pattern: string, ...paths: string[]) => paths.filter((path) => globToRegExp(pattern).test(path));
  deepEqual(matched("data/train-*", "data/train-1.csv", "data/train-a/b", "x/data/train-1"), ["data/train-1.csv"]);
  deepEqual(matched("**/*.csv", "a.csv", "x/a.csv", "x/y/a.csv", "a.csv.gz"), ["a.csv", "x/a.csv", "x/y/a.csv"]);
  deepEqual(matched("x/**", "x/a", "x/y/a", "y/x/a"), ["x/a", "x/y/a"]);
  deepEqual(matched("a?[0-9].{csv,json}", "ab1.csv", "a/1.csv", "ab1.json", "abx.csv", "ab1.txt"), [
    "ab1.csv",
    "ab1.json",
  ]);
  deepEqual(matched("a[!0-9].csv", "a1.csv", "ab.csv"), ["ab.csv"]);
  deepEqual(matched("a+(b).csv", "a+(b).csv", "aab.csv"), ["a+(b).csv"]);
  deepEqual(matched("a[*]", "a*", "ab"), ["a*"]);
  deepEqual(matched("a[b", "a[b", "ab"), ["a[b"]);
});

Deno.test("globToRegExp() refuses broken patterns in one line", () => {
  for (const pattern of ["[z-a].csv", "{a,{b}.csv"]) {
    throws(() => globToRegExp(pattern), {
      name: "UserError",
      message: `Cannot use the pattern "${pattern}": it is broken, expected ranges such as [a-z] and every { closed`,
    });
  }
});
