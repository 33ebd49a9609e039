/** Configs that are no YAML, no mapping, endless, misspelled or wrong. @module */
import fc from "fast-check";
import { loadConfig } from "../../../core/config/config.ts";
import { type Case, passesOrRefuses, refuseAll } from "../../_shared/refusal.ts";
import { EXAMPLE, load, withFile } from "./_configs.ts";

/** Problems of a config have a line each; the last says how many are left out. */
const LINES = { lines: 21 };
const AT = /config\.yaml:\d+:\d+ ./;
const at = (key: string): RegExp => new RegExp(`config\\.yaml(:\\d+:\\d+)? ${key}: .*(expected|unknown key)`);

const TEXTS: Case<string | Uint8Array>[] = [
  ["a list", "- a\n", /config\.yaml:1:1 expected a mapping of settings, got a list/],
  ["a text", "dnpo", /expected a mapping of settings, got "dnpo"/],
  ["a number", "1", /expected a mapping/],
  ["JSON that is cut", '{"model": "a"', AT],
  ["a tab", "training:\n\tbeta: 1\n", AT],
  ["a wrong indent", "training:\n  beta: 1\n loss_type: ipo\n", AT],
  ["a key twice", "model: a\nmodel: b\n", /config\.yaml:2:1 .*unique/],
  ["a key twice within", "training:\n  beta: 1\n  beta: 2\n", /config\.yaml:3:3 .*unique/],
  ["an open quote", 'model: "a\n', AT],
  ["an open bracket", "training: [1, 2\n", AT],
  ["two documents", "model: a\n---\nmodel: b\n", AT],
  ["an unknown alias", "model: *nowhere\n", /config\.yaml.*nowhere/],
  ["an alias of itself", "training: &a\n  beta: *a\n", /config\.yaml/],
  ["an unknown tag", "model: !python/object:os.system x\n", AT],
  ["a tag of a function", "model: !!js/function 'x'\n", AT],
  ["a set", "training: !!set {beta, seed}\n", /config\.yaml.*Set/],
  ["a map", "training: !!omap [beta: 1]\n", /config\.yaml.*Map/],
  ["a date", "model: !!timestamp 2001-12-14\n", /config\.yaml.*Date/],
  ["bytes", "model: !!binary aGVsbG8=\n", /config\.yaml.*Uint8Array/],
  ["no UTF-8", new Uint8Array([0x6d, 0x3a, 0x20, 0xff]), /it is not UTF-8/],
  ["UTF-16", new Uint8Array([0xff, 0xfe, 0x6d, 0]), /it is not UTF-8/],
  ["40 kB", "#".repeat(40_000), /it has 40000 bytes, expected at most 32768/],
  ["4,000 keys", Array.from({ length: 4000 }, (_, i) => `${i}:\n`).join("") + "k: 1\n", /k: unknown key/],
  ["brackets without end", "[".repeat(30_000), AT],
  ["braces without end", "{".repeat(30_000), AT],
  ["lists in lists", "- ".repeat(15_000), AT],
  ["keys of keys", "? ".repeat(15_000), AT],
  ["brackets in brackets", `model: ${"[".repeat(4000)}${"]".repeat(4000)}`, AT],
  ["20 levels", `data: ${"{a: ".repeat(20)}1${"}".repeat(20)}`, /nested deeper than 16/],
  ["anchors", "&a ".repeat(9000), AT],
  ["tags", "!a ".repeat(9000), AT],
  [
    "a bomb of aliases",
    "a0: &a0 [x]\n" + Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]\n`).join(""),
    /config\.yaml/,
  ],
  ["an unknown key", "learning_rate: 1\n", at("learning_rate")],
  ["an unknown key within", "training: {learning_rat: 1}\n", /did you mean "training\.learning_rate"/],
  ["the key __proto__", "__proto__: {model: a}\n", at("__proto__")],
  ["the key constructor", "training: {constructor: 1}\n", at("training\\.constructor")],
  ["a key with control characters", '"a\\e[2Jb": 1\n', /config\.yaml/],
  ["a key of 10 kB", `${"k".repeat(900)}: 1\n`, /unknown key/],
];

const WRONG: Readonly<Record<string, readonly string[]>> = {
  "model": ["1", "[a]", "{a: b}", '""', "true"],
  "method": ["orpo", "1", "[dnpo]", "DNPO"],
  "iterations": ["0", "-1", "1.5", "many", "1e9", ".inf", "[1]", "99999999999999999999"],
  "start_from": ["last", "true"],
  "mix_previous": ["maybe", "1", "[]"],
  "dtype": ["int8", "16", "float8"],
  "quantization": ["int2", "8", "true", "[int8]"],
  "data": ["rows.jsonl", "[a]", "1"],
  "data.max_length": ["1", "0", "-5", "1.5", "long", ".nan"],
  "data.limit": ["0", "-1", "all"],
  "data.on_bad_row": ["ignore", "true"],
  "generation.temperature": ["-1", "hot", ".inf", ".nan"],
  "generation.top_p": ["0", "1.1", "-0.5", "x"],
  "generation.top_k": ["-1", "0.5"],
  "generation.kv_cache_dtype": ["fp8", "16", "F16"],
  "generation.max_new_tokens": ["0", "x"],
  "generation.seed": ["-1", "4294967296", "1.5"],
  "labels.judge": ["gpt4", "1"],
  "labels.margin": ["-1", "x", ".nan"],
  "labels": ["[]", "human"],
  "training": ["[]", "fast"],
  "training.learning_rate": ["-1", "fast", "[]", "[1, x]", ".inf"],
  "training.beta": ["0", "-1", "x", "[]", ".nan"],
  "training.loss_type": ["dpo", "1"],
  "training.label_smoothing": ["0.5", "-0.1", "x"],
  "training.optim": ["sgd", "1"],
  "training.adam_beta1": ["1", "-1"],
  "training.max_steps": ["-2", "1.5"],
  "training.warmup_ratio": ["1.5", "-1"],
  "training.save_steps": ["0", "never"],
  "training.on_nan": ["ignore"],
  "noise": ["some", "[]", "1"],
  "noise.update": ["both", "1"],
  "noise.max_variance": ["0", "-1", "x"],
  "noise.init": ["1", "[]", '""'],
};

const nested = (path: string, value: string): string => {
  const keys = path.split(".");
  return keys.map((key, i) => `${"  ".repeat(i)}${key}:`).join("\n") + ` ${value}\n`;
};

Deno.test("loadConfig() names file, line and column of a wrong config", () =>
  refuseAll(TEXTS, (text) => withFile(text, (file) => loadConfig(file)), LINES));

Deno.test("loadConfig() names key and place of a wrong value", () => {
  const cases = Object.entries(WRONG).flatMap(([path, values]) =>
    values.map((
      value,
    ): Case<string> => [`${path}: ${value}`, nested(path, value), at(`${path.replace(".", "\\.")}\\S*`)])
  );
  return refuseAll(cases, (text) => load(text), LINES);
});

Deno.test("loadConfig() names the key of a wrong --set", () => {
  const cases: Case<string>[] = [
    ["nothing", "", /--set: expected key=value/],
    ["no value", "training.beta", /--set: expected key=value/],
    ["no key", "=1", /--set: expected key=value/],
    ["an empty key", "training..beta=1", /--set: expected key=value/],
    ["an unknown key", "training.bata=1", /--set training\.bata: unknown key/],
    ["a key of the prototype", "__proto__.model=1", /--set __proto__: unknown key/],
    ["a wrong value", "training.beta=x", /--set training\.beta: expected/],
    ["an open list", "training.beta=[1", /--set training\.beta: /],
    ["brackets without end", `training.beta=${"[".repeat(20_000)}`, /--set training\.beta: /],
    ["a key within a value", "model.x=1", /--set model/],
    ["thousands of keys", `${"a.".repeat(5000)}b=1`, /nested deeper/],
    ["a set", "training=!!set {beta}", /--set training: /],
  ];
  return refuseAll(cases, (set) => load("model: a\n", [set]), LINES);
});

Deno.test("loadConfig() names a path that is no file", () => {
  const cases: Case<string>[] = [
    ["a file that is missing", "/nowhere/config.yaml", /there is no such file/],
    ["a folder", "/", /it is no file/],
    ["a file within a file", new URL(import.meta.url).pathname + "/config.yaml", /^Cannot read config ".+": ./],
    ["a name with a zero", "a\0b", /^Cannot read config ".+": ./],
    ["a name that is too long", "a".repeat(400), /^Cannot read config ".+": ./],
  ];
  return refuseAll(cases, (path) => loadConfig(path));
});

Deno.test("loadConfig() takes or refuses a config with anything changed", async () => {
  const piece = fc.constantFrom(
    ...[
      "- ",
      ": ",
      "? ",
      "{",
      "}",
      "[",
      "]",
      "&a ",
      "*a ",
      "!!set ",
      "|\n",
      ">\n",
      "#",
      "\t",
      '"',
      "'",
      "\n  ",
      ".nan",
      "~",
    ],
  );
  const change = fc.record({
    at: fc.nat(EXAMPLE.length),
    cut: fc.nat(30),
    text: fc.oneof(piece, fc.string({ maxLength: 6 })),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const text = changes.reduce((all, { at, cut, text }) => all.slice(0, at) + text + all.slice(at + cut), EXAMPLE);
      await passesOrRefuses(() => load(text), LINES);
    }),
    { numRuns: 300 },
  );
});
