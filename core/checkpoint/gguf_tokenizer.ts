/** The tokenizer that the metadata of a GGUF file stands for, as tokenizer.json and tokenizer_config.json. @module */
import type { JsonObject } from "../data/formats/json_rows.ts";
import { PRE_TOKENIZER_NAMES, preTokenizerOf } from "../data/tokenizer/pre_tokenizer_name.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import type { GgufFields } from "./gguf_fields.ts";
import { mergesOfScores } from "./gguf_merges.ts";
import { TOKEN_TYPES } from "./gguf_types.ts";

/** Tokens that end an answer in llama.cpp wherever a vocabulary has them. */
export const KNOWN_ENDS: readonly string[] = [
  "<|eot_id|>",
  "<|im_end|>",
  "<|end|>",
  "<end_of_turn>",
  "<|endoftext|>",
  "<|eom_id|>",
  "<EOT>",
];

const PREFIX = "tokenizer.ggml.";
const MARK = "▁";

/** The ids of the tokens that end an answer, that after a text first. Throws a UserError. */
export function endTokens(fields: GgufFields): number[] {
  const stated = ["eos", "eot", "eom"].flatMap((name) => fields.number(`${PREFIX}${name}_token_id`) ?? []);
  const texts = fields.value(`${PREFIX}tokens`);
  const known = Array.isArray(texts) ? KNOWN_ENDS.map((text) => texts.indexOf(text)).filter((id) => id >= 0) : [];
  return [...new Set([...stated, ...known])];
}

/** The two files. Throws a UserError naming file and key. */
export function ggufTokenizer(fields: GgufFields): { tokenizer: JsonObject; config: JsonObject } {
  const texts = fields.texts(`${PREFIX}tokens`);
  const types = fields.numbers(`${PREFIX}token_type`, texts.length);
  const tokenOf = (name: string): { id: number; text: string } | null => {
    const key = `${PREFIX}${name}_token_id`;
    const id = fields.number(key);
    if (id === undefined) return null;
    if (texts[id] === undefined) throw fields.refuse(key, `less than ${texts.length}, the number of tokens`);
    return { id, text: texts[id] };
  };
  const used = new Map<string, number>();
  for (const [id, text] of texts.entries()) {
    if (types[id] === TOKEN_TYPES.unused) continue;
    if (used.has(text)) {
      throw new UserError(
        `Cannot use ${fields.path}: ${quote(text)} is the token ${used.get(text)} and ${id}, expected one`,
      );
    }
    used.set(text, id);
  }
  const unknown = tokenOf("unknown");
  const key = `${PREFIX}model`;
  const kind = fields.text(key);
  const make = kind === "gpt2" ? byteLevel : kind === "llama" ? pieces : null;
  if (make === null) throw fields.refuse(key, `"gpt2" or "llama"`);
  const { adds, ...parts } = make(fields, { texts, types, vocab: used, unknown: unknown?.text ?? null });
  const bos = tokenOf("bos");
  const eos = tokenOf("eos");
  const around = {
    before: fields.flag(`${PREFIX}add_bos_token`, adds) ? bos : null,
    after: fields.flag(`${PREFIX}add_eos_token`, false) ? eos : null,
  };
  const added = texts.flatMap((content, id) => {
    const special = types[id] === TOKEN_TYPES.control || types[id] === TOKEN_TYPES.unknown;
    if (!special && types[id] !== TOKEN_TYPES.userDefined) return [];
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
  const named = { bos_token: bos, eos_token: eos, unk_token: unknown, pad_token: tokenOf("padding") };
  return {
    tokenizer: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: added,
      ...parts,
      post_processor: processor(around),
    },
    config: {
      ...Object.fromEntries(Object.entries(named).flatMap(([name, token]) => token ? [[name, token.text]] : [])),
      clean_up_tokenization_spaces: false,
      tokenizer_class: "PreTrainedTokenizerFast",
      ...chatTemplates(fields),
    },
  };
}

/** What both kinds are made of. */
interface Tokens {
  texts: readonly string[];
  types: readonly number[];
  /** Ids by text. */
  vocab: ReadonlyMap<string, number>;
  unknown: string | null;
}

/** Parts of tokenizer.json, and whether a text begins with the bos token where the file does not say. */
interface Parts extends JsonObject {
  adds: boolean;
}

function byteLevel(fields: GgufFields, { vocab }: Tokens): Parts {
  const key = `${PREFIX}pre`;
  const name = fields.text(key) ?? "";
  const found = preTokenizerOf(name);
  if (found === null) throw fields.refuse(key, PRE_TOKENIZER_NAMES.join(", "));
  const { pretokenizers, ignoresMerges } = found;
  return {
    adds: name === "llama-bpe" || name === "tekken",
    // llama.cpp composes no characters; the model's own tokenizer does.
    normalizer: name === "qwen2" ? { type: "NFC" } : null,
    pre_tokenizer: pretokenizers.length === 1 ? pretokenizers[0]! : { type: "Sequence", pretokenizers },
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: {
      ...BPE,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoresMerges,
      vocab: Object.fromEntries(vocab),
      merges: [...fields.texts(`${PREFIX}merges`)],
    },
  };
}

const BPE = { type: "BPE", dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null };

function pieces(fields: GgufFields, { texts, types, vocab, unknown }: Tokens): Parts {
  const scores = fields.numbers(`${PREFIX}scores`, texts.length);
  for (const name of ["remove_extra_whitespaces", "escape_whitespaces", "precompiled_charsmap"]) {
    const neutral = name === "escape_whitespaces";
    if ((fields.value(PREFIX + name) ?? neutral) !== neutral) throw fields.refuse(PREFIX + name, `${neutral}`);
  }
  const prefixes = fields.flag(`${PREFIX}add_space_prefix`, true);
  const marks = { type: "Replace", pattern: { String: " " }, content: MARK };
  const normal = texts.flatMap((text, id) =>
    types[id] === TOKEN_TYPES.normal ? [{ text, id, score: scores[id]! }] : []
  );
  return {
    adds: true,
    normalizer: prefixes ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: MARK }, marks] } : marks,
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: MARK }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...prefixes ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : [],
      ],
    },
    model: {
      ...BPE,
      unk_token: unknown,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges: mergesOfScores(normal),
    },
  };
}

interface Token {
  id: number;
  text: string;
}

function processor({ before, after }: { before: Token | null; after: Token | null }): JsonObject | null {
  if (before === null && after === null) return null;
  const special = (token: Token | null) => token ? [{ SpecialToken: { id: token.text, type_id: 0 } }] : [];
  const around = (id: string) => [...special(before), { Sequence: { id, type_id: 0 } }, ...special(after)];
  const tokens = [before, after].flatMap((token) => token ?? []);
  return {
    type: "TemplateProcessing",
    single: around("A"),
    pair: [...around("A"), ...around("B")],
    special_tokens: Object.fromEntries(
      tokens.map(({ id, text }) => [text, { id: text, ids: [id], tokens: [text] }]),
    ),
  };
}

function chatTemplates(fields: GgufFields): JsonObject {
  const usual = fields.text("tokenizer.chat_template");
  const tools = fields.text("tokenizer.chat_template.tool_use");
  if (usual === undefined) return {};
  if (tools === undefined) return { chat_template: usual };
  return {
    chat_template: [{ name: "default", template: usual }, { name: "tool_use", template: tools }],
  };
}
