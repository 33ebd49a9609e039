/** llama.cpp's names of the ways in which text is cut before byte-level BPE. @module */
import type { JsonObject } from "../formats/json_rows.ts";
import { PRE_TOKENIZER_TYPES } from "./pre_tokenizers.ts";
import { partsOf, type TokenizerPart } from "./tokenizer_part.ts";

/** The patterns of Split, and where they come from. */
const LLAMA3 = String
  .raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const QWEN2 = String
  .raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const TEKKEN = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|` +
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|` +
  String.raw`\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

const split = (pattern: string): string => `Split ${JSON.stringify(pattern)}`;
const LETTERS = "ByteLevel";
const GPT2 = "ByteLevel with its pattern";

/**
 * What a name of llama.cpp stands for: the parts of the pre-tokenizer, and whether a piece that is a token is not merged.
 * Other names mean the same as one of these, or belong to models that dnpo does not read.
 */
const NAMES: readonly { name: string; parts: readonly string[]; ignoresMerges: boolean }[] = [
  { name: "llama-bpe", parts: [split(LLAMA3), LETTERS], ignoresMerges: true },
  { name: "smaug-bpe", parts: [split(LLAMA3), LETTERS], ignoresMerges: false },
  { name: "qwen2", parts: [split(QWEN2), LETTERS], ignoresMerges: false },
  { name: "tekken", parts: [split(TEKKEN), LETTERS], ignoresMerges: true },
  { name: "gpt-2", parts: [GPT2], ignoresMerges: false },
  { name: "smollm", parts: ["Digits one by one", GPT2], ignoresMerges: false },
];

/** The longest description of a part in messages. */
const LONGEST = 100;

/** The name of a tokenizer.json's pre-tokenizer, or, if llama.cpp has none that is known here, what it is made of. */
export function preTokenizerName(json: JsonObject): { name: string } | { unknown: string } {
  const parts = partsOf(json.pre_tokenizer, {
    key: "pre_tokenizer",
    list: "pretokenizers",
    types: PRE_TOKENIZER_TYPES,
  }).map(describe);
  const ignoresMerges = (json.model as JsonObject).ignore_merges === true;
  const found = NAMES.find((one) => one.ignoresMerges === ignoresMerges && one.parts.join("\0") === parts.join("\0"));
  if (found !== undefined) return { name: found.name };
  const short = parts.map((part) => part.length <= LONGEST ? part : `${part.slice(0, LONGEST - 3)}...`);
  return { unknown: `${short.join(", ") || "none"}${ignoresMerges ? ", with ignore_merges" : ""}` };
}

function describe(part: TokenizerPart): string {
  const { type } = part;
  if (type === "ByteLevel") {
    if (part.flag("add_prefix_space")) return `${LETTERS} with add_prefix_space`;
    return part.flag("use_regex", true) ? GPT2 : LETTERS;
  }
  if (type === "Digits") return part.flag("individual_digits") ? "Digits one by one" : type;
  if (type !== "Split") return type;
  const pattern = part.value("pattern") as JsonObject;
  const isPlain = part.value("behavior") === "Isolated" && !part.flag("invert");
  if (typeof pattern.Regex === "string" && isPlain) return split(pattern.Regex);
  return `Split ${JSON.stringify(pattern)}, ${part.value("behavior")}`;
}

/** The names that are known. */
export const PRE_TOKENIZER_NAMES: readonly string[] = NAMES.map(({ name }) => name);

/** What a name of llama.cpp stands for, as tokenizer.json has it; null for an unknown name. */
export function preTokenizerOf(name: string): { pretokenizers: JsonObject[]; ignoresMerges: boolean } | null {
  const found = NAMES.find((one) => one.name === name);
  return found === undefined ? null : { pretokenizers: found.parts.map(partJson), ignoresMerges: found.ignoresMerges };
}

function partJson(part: string): JsonObject {
  if (part.startsWith("Digits")) return { type: "Digits", individual_digits: true };
  if (part === LETTERS || part === GPT2) {
    return { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: part === GPT2 };
  }
  const Regex = JSON.parse(part.slice("Split ".length)) as string;
  return { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false };
}
