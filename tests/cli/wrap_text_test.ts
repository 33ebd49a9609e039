import { deepEqual, equal } from "node:assert/strict";
import { columnsOf, wrapText } from "../../cli/wrap_text.ts";

Deno.test("wrapText() breaks between words, and loses none", () => {
  deepEqual(wrapText("one two three", 7), ["one two", "three"]);
  deepEqual(wrapText("one two three", 13), ["one two three"]);
  deepEqual(wrapText("  one two three", 9, { indent: 4 }), ["  one two", "    three"]);
  deepEqual(wrapText("a\n\nb c", 1), ["a", "", "b", "c"]);
  // A path stays whole, so that it can be copied.
  deepEqual(wrapText("see /a/long/path now", 8), ["see", "/a/long/path", "now"]);
  deepEqual(wrapText("see /a/long/path now", 8, { breaksWords: true }), ["see", "/a/long/", "path now"]);
  deepEqual(wrapText("a  b   c", 4), ["a  b", "c"]);
});

Deno.test("wrapText() counts columns, not characters", () => {
  equal(columnsOf("日本 a\u0301🙂"), 8);
  deepEqual(wrapText("日本 日本", 5), ["日本", "日本"]);
  deepEqual(wrapText("日本語", 4, { breaksWords: true }), ["日本", "語"]);
  deepEqual(wrapText("日本", 1, { breaksWords: true }), ["日", "本"]);
});
