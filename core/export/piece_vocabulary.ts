/** Vocabularies of SentencePiece's BPE (Llama 2, Mistral, Zephyr), which GGUF calls `llama`. @module */
import { TOKEN_TYPES } from "../checkpoint/gguf_types.ts";
import type { JsonObject } from "../data/formats/json_rows.ts";
import { mergePairs } from "../data/tokenizer/bpe_model.ts";
import { NORMALIZER_TYPES } from "../data/tokenizer/normalizers.ts";
import { metaspaceOptions, PRE_TOKENIZER_TYPES } from "../data/tokenizer/pre_tokenizers.ts";
import { byteTokens, vocabOf } from "../data/tokenizer/token_model.ts";
import { partsOf, TokenizerPart } from "../data/tokenizer/tokenizer_part.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import { pieceScores } from "./piece_scores.ts";
import { listTokens } from "./token_list.ts";
import { addedTokenNotes, refuseSettings, type Vocabulary } from "./vocabulary.ts";

const MARK = "▁";

/**
 * The vocabulary of a tokenizer.json with BPE that falls back to bytes. Throws a UserError that says what llama.cpp
 * cannot do.
 */
export function pieceVocabulary(json: JsonObject, { size }: { size: number }): Vocabulary {
  refuseSettings(json, { continuing_subword_prefix: null, end_of_word_suffix: null, ignore_merges: false });
  const part = new TokenizerPart(json.model as JsonObject, "model");
  const missing = byteTokens(vocabOf(part)).indexOf(-1);
  if (missing !== -1) {
    throw new UserError(`byte ${missing} is no token, expected <0x00> to <0xFF>, as llama.cpp needs them`);
  }
  const tokens = listTokens(json, { size, hasBytes: true });
  const isNormal = (id: number): boolean => tokens.types[id] === TOKEN_TYPES.normal;
  const pieces = [...vocabOf(part)].filter(([, id]) => isNormal(id)).map(([text]) => text);
  const { prefixes, splits, notes } = readMarks(json);
  const inner = splits ? pieces.find((piece) => piece.lastIndexOf(MARK) > 0) : undefined;
  if (inner !== undefined) {
    throw new UserError(
      `token ${quote(inner)} has a space within and its pre_tokenizer cuts there, which llama.cpp does not`,
    );
  }
  const scores = pieceScores({ pieces, merges: mergePairs(part) });
  return {
    metadata: [
      ["tokenizer.ggml.model", { text: "llama" }],
      ["tokenizer.ggml.pre", { text: "default" }],
      ["tokenizer.ggml.tokens", { texts: tokens.texts }],
      ["tokenizer.ggml.scores", { float32s: tokens.texts.map((text, id) => isNormal(id) ? scores.get(text)! : 0) }],
      ["tokenizer.ggml.token_type", { int32s: tokens.types }],
      ["tokenizer.ggml.add_space_prefix", { bool: prefixes }],
    ],
    notes: [...notes, ...addedTokenNotes(json)],
  };
}

/** How spaces become marks. */
interface Marks {
  /** Whether one is written before a text. */
  prefixes: boolean;
  /** Whether text is cut before each. */
  splits: boolean;
  notes: string[];
}

/** Reads the two ways in which Hugging Face writes it: normalizers, or a Metaspace. Throws a UserError for another. */
function readMarks(json: JsonObject): Marks {
  const normalizers = partsOf(json.normalizer, { key: "normalizer", list: "normalizers", types: NORMALIZER_TYPES });
  const others = partsOf(json.pre_tokenizer, {
    key: "pre_tokenizer",
    list: "pretokenizers",
    types: PRE_TOKENIZER_TYPES,
  });
  const [first] = others;
  if (normalizers.length === 0 && others.length === 1 && first!.type === "Metaspace") return readMetaspace(first!);
  const names = normalizers.map(describe).join(", ");
  const prefixes = names === `Prepend ${MARK}, Replace`;
  if (others.length === 0 && (prefixes || names === "Replace")) return { prefixes, splits: false, notes: [] };
  const all = [...normalizers, ...others].map(({ type }) => type);
  throw new UserError(
    `its normalizer and pre_tokenizer are ${all.join(", ") || "none"}, expected Prepend and Replace, or a Metaspace, ` +
      `which write ${MARK} for spaces, as llama.cpp does`,
  );
}

function describe(part: TokenizerPart): string {
  if (part.type === "Prepend") return `Prepend ${part.text("prepend")}`;
  const pattern = part.value("pattern") as JsonObject | null;
  return part.type === "Replace" && pattern?.String === " " && part.text("content") === MARK ? "Replace" : "another";
}

function readMetaspace(part: TokenizerPart): Marks {
  const { replacement, scheme } = metaspaceOptions(part);
  if (replacement !== MARK) throw part.refusal("replacement", MARK);
  const splits = part.flag("split", true);
  if (scheme === "never") return { prefixes: false, splits, notes: [] };
  const where = scheme === "first" ? "a text that follows a special token or begins" : "a text that begins";
  return {
    prefixes: true,
    splits,
    notes: [`llama.cpp writes a space before ${where} with a space, where this tokenizer writes none`],
  };
}
