/** Tokenizer files that are broken or hostile. @module */
import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import { loadTokenizer } from "../../../../core/data/tokenizer/tokenizer.ts";
import { type Case, passesOrRefuses, refuseAll } from "../../../_shared/refusal.ts";
import { bpeTokenizer, withFolder, writeTokenizer } from "../_fixtures.ts";

const BASE = bpeTokenizer();
const MODEL = BASE.model as Record<string, unknown>;
const VOCAB = MODEL.vocab as Record<string, unknown>;
const [FIRST] = BASE.added_tokens as Record<string, unknown>[];

const json = (changes: Record<string, unknown>): string => JSON.stringify({ ...BASE, ...changes });
const model = (changes: Record<string, unknown>): string => json({ model: { ...MODEL, ...changes } });
const added = (changes: Record<string, unknown>): string => json({ added_tokens: [{ ...FIRST, ...changes }] });
const more = (token: Record<string, unknown>): string =>
  json({ added_tokens: [...BASE.added_tokens as unknown[], { ...FIRST, ...token }] });
const split = (regex: unknown): string =>
  json({ pre_tokenizer: { type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false } });

const FILE = /^Cannot \w+ (with )?(the tokenizer )?\S+\/tokenizer\.json: ./;
const ID = /tokenizer\.json: a token id is .+, expected an integer from 0/;
const PATTERN = /tokenizer\.json: the pattern ".+": it .+ not supported$/;

const FILES: Case<string | Uint8Array>[] = [
  ["nothing", "", FILE],
  ["no JSON", "BPE", FILE],
  ["half of it", JSON.stringify(BASE).slice(0, 2000), FILE],
  ["a list", "[]", FILE],
  ["null", "null", FILE],
  ["an empty object", "{}", /"model" is not an object/],
  ["no UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), /it is not UTF-8/],
  ["brackets without end", "[".repeat(200_000), FILE],
  ...["model", "added_tokens"].flatMap((key) =>
    [null, 1, "BPE", true].map((value): Case<string> => [`${key} ${value}`, json({ [key]: value }), FILE])
  ),
  ["a model a list", json({ model: [] }), FILE],
  ["added tokens an object", json({ added_tokens: {} }), /"added_tokens" is not a list/],
  ...["bpe", "WordFish", 1, {}].map((type): Case<string> => [`a model of type ${type}`, model({ type }), FILE]),
  ...[null, 1, "a", true].map((vocab): Case<string> => [`vocab ${vocab}`, model({ vocab }), FILE]),
  ...[null, 1, "a b", [1], [null], ["a"], [["a"]], [["a", "b", "c"]], [[1, 2]], {}].map(
    (merges): Case<string> => [`merges ${JSON.stringify(merges)}`, model({ merges }), FILE],
  ),
  ...[-1, 1.5, 2 ** 24, 2 ** 31, 1e300, "1", null, [], {}].map(
    (id): Case<string> => [`the id ${JSON.stringify(id)}`, model({ vocab: { ...VOCAB, zz: id } }), ID],
  ),
  ...[-1, 1.5, 2 ** 24, 4e9, "0", null, []].map(
    (id): Case<string> => [`the id ${JSON.stringify(id)} of an added token`, added({ id }), ID],
  ),
  ...[null, 1, "<s>", []].map(
    (token): Case<string> => [`an added token ${JSON.stringify(token)}`, json({ added_tokens: [token] }), FILE],
  ),
  ...[null, 1, [], {}].map(
    (content): Case<string> => [`an added token's text ${JSON.stringify(content)}`, added({ content }), FILE],
  ),
  ...["normalizer", "pre_tokenizer", "post_processor", "decoder"].flatMap((key) =>
    [1, "x", true, {}, { type: "Nothing" }, { type: 1 }, { type: "Sequence" }].map(
      (value): Case<string> => [`${key} ${JSON.stringify(value)}`, json({ [key]: value }), FILE],
    )
  ),
  ...["(", "[", "a{2,1}", "\\", "*", "(?<", "\\p{Nothing}", "(?P<a>b)"].map(
    (regex): Case<string> => [`the pattern ${regex}`, split(regex), FILE],
  ),
  ...["(a*)*b", "(a?){3}", "(?<=ab)b", "(?<!a*)b", "(a)\\1", "(?:^)*a"].map(
    (regex): Case<string> => [`the pattern ${regex}`, split(regex), PATTERN],
  ),
  [
    "one in a normalizer",
    json({
      normalizer: { type: "Sequence", normalizers: [{ type: "Replace", pattern: { Regex: "(a?)+$" }, content: "" }] },
    }),
    PATTERN,
  ],
  ["one in a decoder", json({ decoder: { type: "Replace", pattern: { Regex: "( *)*$" }, content: "" } }), PATTERN],
  [
    "a component that is not supported",
    json({ pre_tokenizer: { type: "UnicodeScripts" } }),
    /"UnicodeScripts" is not su/,
  ],
  [
    "dropout",
    model({ dropout: 0.1 }),
    /"model\.dropout" makes ids that differ from time to time, which is not supported/,
  ],
  ["two tokens of one id", model({ vocab: { ...VOCAB, zz: 5 } }), /two tokens of "model\.vocab" have the id 5$/],
  ["an added token of another id", added({ id: 3 }), /"added_tokens\[0\]" gives "<unk>" the id 3, expected 0$/],
  ["a new token with a gap before it", more({ id: 900, content: "<x>" }), /gives "<x>" the id 900, expected \d+$/],
  [
    "an added token of a kilobyte",
    more({ id: 364, content: "x".repeat(1025) }),
    /the token "x+…" is longer than 1024 characters$/,
  ],
  [
    "two added tokens that become one",
    JSON.stringify({
      ...BASE,
      normalizer: { type: "Lowercase" },
      added_tokens: ["X", "x"].map((content) => ({ ...FIRST, content, id: VOCAB[content], normalized: true })),
    }),
    /the added tokens "X" and "x" are normalized to the same text$/,
  ],
  [
    "a space before the first text alone, after a normalizer",
    json({ pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "first", split: true } }),
    /"pre_tokenizer\.prepend_scheme" is "first" after a normalizer, which is not supported$/,
  ],
  [
    "a template of one text with two",
    json({ post_processor: { type: "TemplateProcessing", single: [{ Sequence: { id: "B" } }], special_tokens: {} } }),
    /"post_processor\.single" has the sequence B, expected only A$/,
  ],
  [
    "a template with a token that there is not",
    json({
      post_processor: { type: "TemplateProcessing", single: [{ SpecialToken: { id: "x" } }], special_tokens: {} },
    }),
    /"post_processor\.special_tokens" has no ids for the token the string "x"$/,
  ],
  ...[
    { type: "Metaspace", replacement: "▁▁" },
    { type: "Metaspace", replacement: "▁", prepend_scheme: "last" },
    { type: "Metaspace", replacement: "▁", add_prefix_space: false },
    { type: "Digits", individual_digits: 1 },
    { type: "FixedLength", length: 0 },
    { type: "Punctuation", behavior: "removed" },
    { type: "CharDelimiterSplit" },
    { type: "Split", pattern: { Regex: "a" }, behavior: "Isolated" },
  ].map((part): Case<string> => [
    `an option of ${JSON.stringify(part)}`,
    json({ pre_tokenizer: { type: "Sequence", pretokenizers: [part] } }),
    /tokenizer\.json: "pre_tokenizer\.pretokenizers\[0\]\.\w+" is .+, expected /,
  ]),
  [
    "a table that is none",
    json({ normalizer: { type: "Precompiled", precompiled_charsmap: "AAA=" } }),
    /expected a table$/,
  ],
  [
    "a table in no base64",
    json({ normalizer: { type: "Precompiled", precompiled_charsmap: "?" } }),
    /expected base64$/,
  ],
  ["a pattern that counts far", split("(?:a{1000}){1000}"), /its repetitions are too large/],
  ["a pattern of a megabyte", split("a".repeat(1 << 20)), /a pattern has 1048576 characters/],
];

Deno.test("loadTokenizer() names what is wrong with a tokenizer.json", () =>
  withFolder(async (dir) => {
    await writeTokenizer(dir);
    await refuseAll(FILES, async (content) => {
      const data = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(`${dir}/tokenizer.json`, data);
      const tokenizer = await loadTokenizer(dir);
      tokenizer.decode(tokenizer.encode(`hello ${"a".repeat(40)}!<s>é`));
    });
  }));

const EXPONENTIAL = [
  ...["(a+)+$", "((a+)b?)+c", "([a-z]+)+!", "(?:(?:a|b+)c?)+d", "(a{2,30}){2,}c", "(?=(a+)+b)a", "[[](a+)+|(a+)+b"],
  ...["(a|a)*b", "(a|ab)*c", "(a|aa)+$", "(?:a|a?a)+b", `${"a?".repeat(40)}${"a".repeat(40)}b`, "a*a*a*a*a*a*a*b"],
];

Deno.test("a tokenizer encodes in time whatever its patterns, in whatever part", () =>
  withFolder(async (dir) => {
    await writeTokenizer(dir);
    for (const regex of EXPONENTIAL) {
      const replace = { type: "Replace", pattern: { Regex: regex }, content: "" };
      for (const text of [split(regex), json({ normalizer: replace }), json({ decoder: replace })]) {
        await Deno.writeTextFile(`${dir}/tokenizer.json`, text);
        await passesOrRefuses(async () => {
          const tokenizer = await loadTokenizer(dir);
          tokenizer.decode(tokenizer.encode("a".repeat(3000)));
        });
      }
    }
  }));

Deno.test("a tokenizer encodes in time however long its tokens are", () =>
  withFolder(async (dir) => {
    const long = "a".repeat(1000);
    const vocab = Object.fromEntries(["<unk>", "a", "##a", `${long}b`, `##${long}b`].map((token, id) => [token, id]));
    const common = { added_tokens: [{ ...FIRST, content: "<unk>" }], normalizer: null, post_processor: null };
    const models = [
      { type: "BPE", vocab, merges: [], unk_token: "<unk>" },
      { type: "Unigram", vocab: Object.keys(vocab).map((token) => [token, -1]), unk_id: 0 },
      { type: "WordLevel", vocab, unk_token: "<unk>" },
      {
        ...{ type: "WordPiece", vocab, unk_token: "<unk>", continuing_subword_prefix: "##" },
        max_input_chars_per_word: 1e9,
      },
    ];
    for (const model of models) {
      await Deno.writeTextFile(`${dir}/tokenizer.json`, json({ ...common, model }));
      await passesOrRefuses(async () => {
        const tokenizer = await loadTokenizer(dir);
        const ids = tokenizer.encode("a".repeat(30_000));
        deepEqual(tokenizer.encode("a".repeat(30_000)), ids);
      });
    }
  }));

const config = (changes: Record<string, unknown>): string => JSON.stringify({ eos_token: "<|im_end|>", ...changes });

const CONFIGS: Case<string>[] = [
  ["nothing", "", /tokenizer_config\.json: it is not JSON/],
  ["a list", "[]", /tokenizer_config\.json: it is \[\]/],
  ["null", "null", /tokenizer_config\.json: it is null/],
  ["half of it", '{"eos_token"', /tokenizer_config\.json: it is not JSON/],
  ["an unknown EOS", config({ eos_token: "</s>" }), /"eos_token" of \S+\/tokenizer_config\.json: "<\/s>" is no token/],
  ["an unknown BOS", config({ bos_token: { content: "<bos>" } }), /"bos_token" of .+: "<bos>" is no token/],
  ["an EOS with control characters", config({ eos_token: "\x1b[2J\n" }), /is no token/],
  ...[1, true, {}, [], [1], [{ name: "tool_use", template: "" }], [{ name: "default", template: 1 }]].map(
    (chat_template): Case<string> => [
      `chat_template ${JSON.stringify(chat_template)}`,
      config({ chat_template }),
      /"chat_template" of \S+\/tokenizer_config\.json: /,
    ],
  ),
];

Deno.test("loadTokenizer() names what is wrong with a tokenizer_config.json", () =>
  withFolder(async (dir) => {
    await writeTokenizer(dir);
    await refuseAll(CONFIGS, async (text) => {
      await Deno.writeTextFile(`${dir}/tokenizer_config.json`, text);
      await loadTokenizer(dir);
    });
  }));

Deno.test("loadTokenizer() loads or refuses a tokenizer.json with anything changed, and encodes in time", () =>
  withFolder(async (dir) => {
    await writeTokenizer(dir);
    const parts = ["normalizer", "pre_tokenizer", "post_processor", "decoder", "truncation", "padding", "added_tokens"];
    const type = fc.constantFrom(
      ...["Sequence", "Split", "Replace", "Metaspace", "ByteLevel", "Digits", "Punctuation", "Whitespace", "Strip"],
      ...["Precompiled", "Prepend", "NFC", "BertNormalizer", "TemplateProcessing", "WordPiece", "CTC", "Fuse"],
    );
    const component = fc.tuple(
      type,
      fc.dictionary(
        fc.constantFrom(
          "pattern",
          "content",
          "behavior",
          "invert",
          "start",
          "stop",
          "single",
          "special_tokens",
          "cleanup",
        ),
        fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant({ Regex: "a|b" }), fc.constant({ String: "" })),
      ),
    ).map(([type, rest]) => ({ ...rest, type }));
    const inParts = fc.tuple(fc.constantFrom(...parts), fc.oneof(component, fc.jsonValue({ maxDepth: 3 })))
      .map(([key, value]) => json({ [key]: value }));
    const inModel = fc.tuple(fc.constantFrom(...Object.keys(MODEL)), fc.jsonValue({ maxDepth: 3 }))
      .map(([key, value]) => model({ [key]: value }));
    await fc.assert(
      fc.asyncProperty(fc.oneof(inParts, inModel), async (text) => {
        await Deno.writeTextFile(`${dir}/tokenizer.json`, text);
        await passesOrRefuses(async () => {
          const tokenizer = await loadTokenizer(dir);
          tokenizer.decode(tokenizer.encode("hello <s>é ab"));
        });
      }),
      { numRuns: 400 },
    );
  }));
