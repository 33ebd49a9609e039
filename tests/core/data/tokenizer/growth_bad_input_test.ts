/** Tokenizers whose parts lengthen a text again and again. @module */
import { ok } from "node:assert/strict";
import { loadTokenizer } from "../../../../core/data/tokenizer/tokenizer.ts";
import { memoryFiles } from "../../../../core/files/model_files.ts";
import { type Case, refuseAll } from "../../../_shared/refusal.ts";
import { bpeTokenizer } from "../_fixtures.ts";

/** What all refusals may add to the memory of this process, in bytes. */
const MOST_BYTES = 5e8;

type Part = Record<string, unknown>;

const BASE = bpeTokenizer();
const normalizer = (normalizers: Part[]): Part => ({ normalizer: { type: "Sequence", normalizers } });
const preTokenizer = (pretokenizers: Part[]): Part => ({ pre_tokenizer: { type: "Sequence", pretokenizers } });
const decoder = (decoders: Part[]): Part => ({ decoder: { type: "Sequence", decoders } });
const times = (count: number, part: Part): Part[] => Array(count).fill(part);
const replace = (pattern: Part, content: string): Part => ({ type: "Replace", pattern, content });
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false };

const MEGABYTE = "a".repeat(1 << 20);
const LONGER = /^Cannot (encode|decode) with the tokenizer dir\/tokenizer\.json: a part of it makes a text of \d+ char/;
const PARTS = /has more than 1000 parts$/;

const CASES: Case<Part>[] = [
  ...[normalizer, decoder].flatMap((sequence): Case<Part>[] => [
    ["letters doubled", sequence(times(30, replace({ String: "a" }, "aa"))), LONGER],
    ["letters doubled by a pattern", sequence(times(30, replace({ Regex: "[a-z]" }, "aa"))), LONGER],
    ["letters between letters", sequence(times(30, replace({ String: "" }, "-"))), LONGER],
    ["letters between letters by a pattern", sequence(times(30, replace({ Regex: "x*" }, "--"))), LONGER],
    ["one long text for each letter", sequence([replace({ String: "a" }, MEGABYTE)]), LONGER],
    ["too many parts", sequence(times(100_000, replace({ String: "b" }, "c"))), PARTS],
  ]),
  ["bytes of bytes", normalizer(times(30, { type: "ByteLevel" })), LONGER],
  ["a long text before others", normalizer(times(900, { type: "Prepend", prepend: "a".repeat(5000) })), LONGER],
  ["bytes of bytes in pieces", preTokenizer(times(30, byteLevel)), LONGER],
  [
    "a text written by a template again and again",
    {
      post_processor: {
        type: "TemplateProcessing",
        single: times(1000, { Sequence: { id: "A", type_id: 0 } }),
        pair: [],
        special_tokens: {},
      },
    },
    /^Cannot encode with the tokenizer dir\/tokenizer\.json: a template makes \d+ ids of a text, expected at most \d+$/,
  ],
  ["spaces between letters", decoder(times(30, { type: "BPEDecoder", suffix: "" })), LONGER],
];

Deno.test("a tokenizer that lengthens a text without end is refused, in time and without much memory", async () => {
  const text = `${"é".repeat(100)}${"a".repeat(3000)}`;
  const before = Deno.memoryUsage().rss;
  await refuseAll(CASES, async (changes) => {
    const files = { "tokenizer.json": JSON.stringify({ ...BASE, ...changes }), "tokenizer_config.json": "{}" };
    const tokenizer = await loadTokenizer(memoryFiles(files, { name: "dir" }));
    tokenizer.decode(tokenizer.encode(text));
  });
  const grown = Deno.memoryUsage().rss - before;
  ok(grown < MOST_BYTES, `it took ${grown} bytes`);
});

Deno.test("a tokenizer may lengthen a text by what a normal form makes of it", async () => {
  const files = {
    "tokenizer.json": JSON.stringify({ ...BASE, normalizer: { type: "NFKD" } }),
    "tokenizer_config.json": "{}",
  };
  const tokenizer = await loadTokenizer(memoryFiles(files, { name: "dir" }));
  // The longest of all: one letter becomes eighteen.
  ok(tokenizer.encode("\ufdfa".repeat(5000)).length > 18 * 5000);
});
