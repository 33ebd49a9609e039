/** The post-processors: they write special tokens around the ids of a text. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import { describe } from "../formats/data_problems.ts";
import type { JsonObject, JsonValue } from "../formats/json_rows.ts";
import { checkIds, longestText } from "./text_growth.ts";
import { partsOf, type TokenizerPart } from "./tokenizer_part.ts";

/** Several sequences of ids, which in the end are one after another. */
type Sequences = readonly (readonly number[])[];

type Process = (sequences: Sequences, addSpecialTokens: boolean) => Sequences;

/** The most ids that a template writes around a text. */
const MAX_ADDED = 1 << 12;

/** One for each type of post-processor. */
const POST_PROCESSORS: Readonly<Record<string, (part: TokenizerPart) => Process>> = {
  BertProcessing: (part) => readAround(part, false),
  ByteLevel: () => (sequences) => sequences,
  RobertaProcessing: (part) => readAround(part, true),
  TemplateProcessing: readTemplate,
};

/**
 * The post-processors of a tokenizer.json as a function of ids, which may write special tokens around them. Throws a
 * UserError for what is not supported.
 */
export function readPostProcessor(json: JsonValue | undefined): (ids: number[], addSpecialTokens: boolean) => number[] {
  const parts = partsOf(json, { key: "post_processor", list: "processors", types: Object.keys(POST_PROCESSORS) });
  const steps = parts.map((part) => POST_PROCESSORS[part.type]!(part));
  if (steps.length === 0) return (ids) => ids;
  return (ids, addSpecialTokens) => {
    const limit = longestText(ids.length);
    let added: Sequences = [ids];
    for (const step of steps) {
      added = step(added, addSpecialTokens);
      checkIds(added.reduce((sum, { length }) => sum + length, 0), limit);
    }
    return added.length === 1 ? [...added[0]!] : added.flat();
  };
}

/** BERT's or RoBERTa's tokens around a text; of several sequences the later ones are a pair's second text. */
function readAround(part: TokenizerPart, separatesTwice: boolean): Process {
  const idOf = (name: string): number => {
    const pair = part.value(name);
    const id = Array.isArray(pair) ? pair[1] : undefined;
    if (!Number.isSafeInteger(id)) throw part.refusal(name, "a list of text and id");
    return id as number;
  };
  const first = idOf("cls");
  const last = idOf("sep");
  return (sequences, addSpecialTokens) =>
    !addSpecialTokens
      ? sequences
      : sequences.map((ids, i) =>
        i === 0 ? [first, ...ids, last] : separatesTwice ? [last, ...ids, last] : [...ids, last]
      );
}

/** A piece of a template: the number of a sequence, or ids. */
type TemplatePiece = number | readonly number[];

function readTemplate(part: TokenizerPart): Process {
  const tokens = part.value("special_tokens") ?? {};
  const piecesOf = (name: string): TemplatePiece[] => {
    const list = part.value(name);
    if (!Array.isArray(list)) throw part.refusal(name, "a list");
    let added = 0;
    return list.map((piece, i) => {
      const key = `${part.key}.${name}[${i}]`;
      const sequence = isRecord(piece) ? piece.Sequence : undefined;
      const special = isRecord(piece) ? piece.SpecialToken : undefined;
      if (isRecord(sequence) && (sequence.id === "A" || sequence.id === "B")) return sequence.id === "A" ? 0 : 1;
      if (!isRecord(special) || typeof special.id !== "string") {
        throw new UserError(`"${key}" is ${describe(piece)}, expected {Sequence} or {SpecialToken}`);
      }
      const ids = idsOf(tokens, special.id, part.key);
      if ((added += ids.length) > MAX_ADDED) throw new UserError(`"${key}": it writes more than ${MAX_ADDED} tokens`);
      return ids;
    });
  };
  const single = piecesOf("single");
  if (single.includes(1)) throw new UserError(`"${part.key}.single" has the sequence B, expected only A`);
  // A pair's template counts only where another post-processor has made two sequences.
  const pair = part.value("pair") === null ? [] : piecesOf("pair");
  return (sequences, addSpecialTokens) => {
    if (sequences.length > 2) throw new Error(`"${part.key}" comes after another template`);
    const template = sequences.length === 1 ? single : pair;
    // Without special tokens, a template still says which sequences are written.
    return template.flatMap((piece) =>
      typeof piece === "number" ? [sequences[piece]!] : addSpecialTokens ? [piece] : []
    );
  };
}

function idsOf(tokens: JsonValue, name: string, key: string): readonly number[] {
  const token = isRecord(tokens) && Object.hasOwn(tokens, name) ? (tokens as JsonObject)[name] : undefined;
  const ids = isRecord(token) ? token.ids : undefined;
  if (!Array.isArray(ids) || !ids.every((id) => Number.isSafeInteger(id) && (id as number) >= 0)) {
    throw new UserError(`"${key}.special_tokens" has no ids for the token ${describe(name)}`);
  }
  return ids as number[];
}
