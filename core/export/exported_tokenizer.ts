/** A tokenizer as metadata of a GGUF file: vocabulary, special tokens and chat template. @module */
import { KNOWN_ENDS } from "../checkpoint/gguf_tokenizer.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import { errorLine } from "../data/formats/data_problems.ts";
import type { JsonObject, JsonValue } from "../data/formats/json_rows.ts";
import { templateTexts } from "../data/tokenizer/chat_template.ts";
import { PRE_TOKENIZER_TYPES } from "../data/tokenizer/pre_tokenizers.ts";
import { loadTokenizer, readTokenizerParts, type Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { modelType } from "../data/tokenizer/tokenizer_json.ts";
import { partsOf } from "../data/tokenizer/tokenizer_part.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import { byteLevelVocabulary } from "./byte_level_vocabulary.ts";
import type { GgufContents, GgufValue } from "./gguf_bytes.ts";
import { pieceVocabulary } from "./piece_vocabulary.ts";
import { addedTokens } from "./token_list.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * The metadata of a model's tokenizer. `pre` is llama.cpp's name of a pre-tokenizer that is not known here. Throws a
 * UserError if there is no tokenizer, or naming what of it llama.cpp cannot do.
 */
export async function exportedTokenizer(
  { dir, files, config, eosTokenIds }: Pick<ModelFolder, "dir" | "files" | "config" | "eosTokenIds">,
  { pre }: { pre: string | undefined },
): Promise<Vocabulary> {
  if (await files.stat("tokenizer.json") === null) {
    throw new UserError(`Cannot export ${dir} as gguf: there is no tokenizer.json, which a GGUF file holds`);
  }
  const tokenizer = await loadTokenizer(files);
  const { path, config: settings, jinja, origin, special } = await readTokenizerParts(files);
  const { tokenizer: json, named } = special;
  const templates = templateTexts(settings, { jinja, origin });
  try {
    const { metadata, notes } = vocabularyOf(json, { size: config.vocabSize, pre });
    const ids = new Map(addedTokens(json).map(({ content, id }) => [content, id]));
    const idOf = (token: JsonValue | undefined): number | null => ids.get(token as string) ?? null;
    const around = aroundText(tokenizer);
    // Not config's own, which may be a family's default.
    const stated = config.raw.bos_token_id;
    const bos = tokenizer.bosId ?? (typeof stated === "number" ? stated : null);
    const ends = endsOf(tokenizer, { eosTokenIds, json });
    check(around.before, tokenizer.bosId, { place: "before", name: "bos_token" });
    check(around.after, ends.eos, { place: "after", name: "eos_token" });
    const added: [string, number | null][] = [
      ["bos", bos],
      ["eos", ends.eos],
      ["eot", ends.eot],
      ["eom", ends.eom],
      ["unknown", idOf(named.unk_token ?? (json.model as JsonObject).unk_token)],
      ["padding", idOf(named.pad_token)],
    ];
    const wantsBos = templates !== null && tokenizer.bosId === null && /\bbos_token\b/.test(templates.usual);
    return {
      metadata: [
        ...metadata,
        ...added.flatMap(([name, id]): [string, GgufValue][] =>
          id === null ? [] : [[`tokenizer.ggml.${name}_token_id`, { uint32: id }]]
        ),
        ["tokenizer.ggml.add_bos_token", { bool: around.before.length > 0 }],
        ["tokenizer.ggml.add_eos_token", { bool: around.after.length > 0 }],
        ...templateMetadata(templates),
      ],
      notes: [
        ...notes,
        ...wantsBos ? ["The chat template writes bos_token, which is not set; llama.cpp may write another token"] : [],
      ],
    };
  } catch (error) {
    throw error instanceof UserError ? new UserError(`Cannot export ${path} as gguf: ${errorLine(error)}`) : error;
  }
}

function vocabularyOf(json: JsonObject, { size, pre }: { size: number; pre: string | undefined }): Vocabulary {
  const type = modelType(json.model as JsonObject);
  if (type !== "BPE") throw new UserError(`"model.type" is ${type}, expected BPE`);
  const parts = partsOf(json.pre_tokenizer, {
    key: "pre_tokenizer",
    list: "pretokenizers",
    types: PRE_TOKENIZER_TYPES,
  });
  if (parts.at(-1)?.type === "ByteLevel") return byteLevelVocabulary(json, { size, pre });
  if (pre !== undefined) throw new UserError(`--pre is ${quote(pre)}, but its BPE is not of bytes, expected no --pre`);
  if ((json.model as JsonObject).byte_fallback === true) return pieceVocabulary(json, { size });
  throw new UserError(
    `its BPE is neither of bytes (a ByteLevel pre_tokenizer) nor falls back to them ("model.byte_fallback"), ` +
      `expected one, as llama.cpp has no other`,
  );
}

/** The tokens that the tokenizer writes around a text. */
function aroundText(tokenizer: Tokenizer): { before: number[]; after: number[] } {
  const plain = tokenizer.encode("a", { addSpecialTokens: false });
  const whole = tokenizer.encode("a");
  for (let at = 0; at + plain.length <= whole.length; at++) {
    if (plain.some((id, i) => whole[at + i] !== id)) continue;
    return { before: whole.slice(0, at), after: whole.slice(at + plain.length) };
  }
  throw new UserError(`its post_processor changes a text's tokens, expected special tokens around them`);
}

/** Throws a UserError unless what is written is nothing, or the one token that llama.cpp can write there. */
function check(
  written: readonly number[],
  id: number | null,
  { place, name }: { place: string; name: string },
): void {
  if (written.length === 0 || (written.length === 1 && written[0] === id)) return;
  throw new UserError(
    `its post_processor writes the tokens ${written.join(", ")} ${place} a text, expected only ${name} (${
      id ?? "unset"
    })`,
  );
}

/**
 * The tokens that end an answer. llama.cpp has three keys for them, the first of which is also what it writes after a
 * text, and knows some by their texts.
 */
function endsOf(
  { eosId }: Tokenizer,
  { eosTokenIds, json }: { eosTokenIds: readonly number[]; json: JsonObject },
): { eos: number; eot: number | null; eom: number | null } {
  const all = eosTokenIds.length > 0 ? eosTokenIds : eosId === null ? [] : [eosId];
  if (all.length === 0) throw new UserError("no token ends an answer, expected an eos_token or eos_token_id");
  const eos = eosId !== null && all.includes(eosId) ? eosId : all[0]!;
  const known = new Set(addedTokens(json).filter(({ content }) => KNOWN_ENDS.includes(content)).map(({ id }) => id));
  const [eot = null, eom = null, ...more] = all.filter((id) => id !== eos && !known.has(id));
  if (more.length === 0) return { eos, eot, eom };
  throw new UserError(
    `${all.length} tokens end an answer (${all.join(", ")}), expected at most 3 that llama.cpp does not know`,
  );
}

function templateMetadata(templates: ReturnType<typeof templateTexts>): GgufContents["metadata"] {
  if (templates === null) return [];
  const { usual, forTools } = templates;
  const tools: GgufContents["metadata"] = forTools === undefined ? [] : [
    ["tokenizer.chat_templates", { texts: ["tool_use"] }],
    ["tokenizer.chat_template.tool_use", { text: forTools }],
  ];
  return [["tokenizer.chat_template", { text: usual }], ...tools];
}
