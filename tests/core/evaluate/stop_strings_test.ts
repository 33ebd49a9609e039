import { deepEqual, equal } from "node:assert/strict";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { cutAtStops, StopStrings } from "../../../core/evaluate/stop_strings.ts";

const tokenizer = await loadTokenizer(new URL("../../../examples/quickstart/model", import.meta.url).pathname);

Deno.test("cutAtStops() cuts at each stop's first occurrence, one after the other, and strips nothing", () => {
  equal(cutAtStops(" 18\n\nQ: next Q: more", ["Q:", "A:"]), " 18\n\n");
  equal(cutAtStops("a b c", ["c", "b"]), "a ");
  // What is left of the second stop once the first has cut is no stop.
  equal(cutAtStops("xaby", ["b", "ab"]), "xa");
  equal(cutAtStops("xaby", ["ab", "b"]), "x");
  equal(cutAtStops("as it is", ["", "?"]), "as it is");
  equal(cutAtStops("stop", ["stop"]), "");
  equal(cutAtStops("a\nQ: b</s>", ["</s>", "", "Q:"]), "a\n");
  equal(cutAtStops("abc", []), "abc");
});

Deno.test("StopStrings.end() finds the fewest ids whose text has a stop, also when it is asked late", () => {
  const ids = tokenizer.encode("sort dbca>abcd", { addSpecialTokens: false });
  equal(ids.length, 14, "a token a character");
  const end = (...stops: string[]): number | null => new StopStrings(tokenizer, stops).end(ids);
  deepEqual([end("ca>"), end(">ab", "ca"), end("abcd"), end("s"), end("zz"), end("")], [10, 9, 14, 1, null, null]);
  const stops = new StopStrings(tokenizer, ["a>a"]);
  deepEqual([5, 10, 13].map((count) => stops.end(ids.slice(0, count))), [null, null, 11]);
  equal(stops.textOf(ids.slice(0, 13)), "sort dbc");
});

Deno.test("StopStrings reads special tokens as stops, and leaves them out of the text", () => {
  const eos = tokenizer.eosId!;
  const ids = [...tokenizer.encode("ab", { addSpecialTokens: false }), eos, ...tokenizer.encode("cd")];
  const stops = new StopStrings(tokenizer, [tokenizer.eosToken!]);
  equal(stops.end(ids), 3);
  equal(stops.textOf(ids.slice(0, 3)), "ab");
  equal(new StopStrings(tokenizer, ["bc"]).end(ids), null);
});
