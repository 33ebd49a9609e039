import assert from "node:assert/strict";
import { escapeMarkdown, escapeMarkup, markdownCode } from "../../../core/report/markup.ts";

Deno.test("escapeMarkdown() leaves no markup, HTML, link or second line", () => {
  assert.equal(
    escapeMarkdown("<b>|`x`\\[a](http://h)\n\n# _t_ my_name\u202e\x9b"),
    "&lt;b&gt;&#124;&#96;x&#96;&#92;&#91;a&#93;(http&#58;//h) # &#95;t&#95; my_name ",
  );
});

Deno.test("markdownCode() keeps backticks and bars inside the code", () => {
  assert.equal(markdownCode("a <b> c"), "`a <b> c`");
  assert.equal(markdownCode("a``b|c\\"), "<code>a&#96;&#96;b&#124;c&#92;</code>");
  assert.equal(markdownCode(""), "<code></code>");
});

Deno.test("escapeMarkup() drops C1 and bidi characters", () => {
  assert.equal(escapeMarkup("a\x9b\u202e<b>"), "a &lt;b&gt;");
});

Deno.test("markup shows no password of an address", () => {
  for (const write of [escapeMarkup, escapeMarkdown, markdownCode]) {
    assert.doesNotMatch(write("see https://me:hunter2@h/x"), /hunter2/);
  }
});
