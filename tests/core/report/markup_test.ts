import assert from "node:assert/strict";
import { escapeMarkdown, escapeMarkup, markdownCode } from "../../../core/report/markup.ts";

Deno.test("escapeMarkdown() leaves no markup, HTML, link or second line", () => {
  assert.equal(
    escapeMarkdown("<b>|`x`\\[a](http://h)\n\n# _t_ my_name\u202e\x9b"),
    "&lt;b&gt;\\|\\`x\\`\\\\\\[a\\](http&#58;//h) # \\_t\\_ my_name ",
  );
});

Deno.test("markdownCode() keeps backticks and bars inside the code", () => {
  assert.equal(markdownCode("a``b|c"), "```a``b\\|c```");
  assert.equal(markdownCode("`"), "`` ` ``");
});

Deno.test("escapeMarkup() drops C1 and bidi characters", () => {
  assert.equal(escapeMarkup("a\x9b\u202e<b>"), "a &lt;b&gt;");
});
