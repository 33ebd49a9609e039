import { equal } from "node:assert/strict";
import { blankText } from "../../tools/blank_text.ts";

/** What is left, with one blank for several. */
function left(text: string, options = {}): string {
  const out = blankText(text, options);
  equal(out.length, text.length);
  equal(out.split("\n").length, text.split("\n").length);
  return out.replace(/ +/g, " ").trim();
}

Deno.test("blankText() blanks comments, strings, templates and regular expressions, and leaves code", () => {
  equal(left("a; // b\nc /* d\n e */ + f"), "a; \nc \n + f");
  equal(left(`a("b // c", 'd\\'e', "\\"") + f`), `a(" ", ' ', " ") + f`);
  equal(left("a = /[/'\"`]/g.test(b) || c / d / e;"), "a = .test(b) || c / d / e;");
  equal(left("return !/`/.test(a);"), "return ! .test(a);");
  equal(left("a[0]! / b(c / d)! / e"), "a[0]! / b(c / d)! / e");
  equal(left("a(`b ${c({ d: `e ${f} g` })} $h \\` i`) + j"), "a(` ${c({ d: ` ${f} ` })} `) + j");
});

Deno.test("blankText() can leave what is between quotes", () => {
  equal(left('import "a//b"; // c', { strings: true }), 'import "a//b";');
  equal(left("a`b ${/* c */ d} // e`", { strings: true }), "a`b ${ d} // e`");
});

Deno.test("blankText() closes whatever it opens in the modules of this project", async () => {
  const root = new URL("../../", import.meta.url);
  for (const folder of ["core/label", "core/config", "kernels/matmul", "tools"]) {
    for await (const { name } of Deno.readDir(new URL(folder, root))) {
      if (!name.endsWith(".ts")) continue;
      const code = blankText(await Deno.readTextFile(new URL(`${folder}/${name}`, root)));
      for (const [open, close] of [["(", ")"], ["{", "}"], ["[", "]"]] as const) {
        equal(code.split(open).length, code.split(close).length, `${folder}/${name}: ${open}${close}`);
      }
      equal(code.split("`").length % 2, 1, `${folder}/${name}: \``);
    }
  }
});
