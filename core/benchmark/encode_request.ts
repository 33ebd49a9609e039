/** A context and its continuation as token ids, as lm-eval 0.4.13 makes them (`api/model.py`, `models/huggingface.py`). @module */
import { isSpace } from "../data/tokenizer/template/python_strings.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { isRecord, quote } from "../values.ts";
import type { TextPair } from "./benchmark_task.ts";

/** What of a tokenizer is needed. */
export type BenchmarkTokenizer = Pick<Tokenizer, "encode" | "decode" | "bosId" | "eosId">;

/** The ids of one context and one continuation. */
export interface ChoiceIds {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

/** Encodes texts for one model. */
export class RequestEncoder {
  readonly #tokenizer: BenchmarkTokenizer;
  readonly #addBosToken: boolean | undefined;
  readonly #prefix: { id: number; text: string } | null;
  readonly #bosText: string | null;
  #last: { context: string; ids: readonly number[] } | null = null;

  /** `addBosToken` says whether special tokens are added, whatever the tokenizer does by itself. */
  constructor(tokenizer: BenchmarkTokenizer, { addBosToken }: { addBosToken?: boolean | undefined } = {}) {
    this.#tokenizer = tokenizer;
    this.#addBosToken = addBosToken;
    const id = tokenizer.bosId ?? tokenizer.eosId;
    this.#prefix = id === null ? null : { id, text: tokenizer.decode([id]) };
    this.#bosText = tokenizer.bosId === null ? null : this.#prefix!.text;
  }

  /** The id that stands before a text without a context: BOS, or else EOS. Throws a UserError if there is neither. */
  get prefixId(): number {
    if (this.#prefix !== null) return this.#prefix.id;
    throw new UserError("Cannot score a text without a context: the tokenizer has no BOS and no EOS token");
  }

  /** A text's ids, without further special tokens where it begins with the text of the BOS (or else the EOS) token. */
  encode(text: string): number[] {
    return this.#encode(text, this.#prefix?.text ?? null);
  }

  /** The ids of a context that an answer is generated to: only BOS's own text keeps special tokens out. */
  encodePrompt(text: string): number[] {
    return this.#encode(text, this.#bosText);
  }

  #encode(text: string, start: string | null): number[] {
    const add = start !== null && text.startsWith(start) ? false : this.#addBosToken;
    return this.#tokenizer.encode(text, add === undefined ? {} : { addSpecialTokens: add });
  }

  /** The ids of a context without the white space at its end; a document's choices have one array of them. */
  #encodeContext(context: string): readonly number[] {
    if (this.#last?.context === context) return this.#last.ids;
    const ids = this.encode(context.slice(0, trimmedLength(context)));
    this.#last = { context, ids };
    return ids;
  }

  /** The ids of a pair, whole: the continuation's are what both texts together have beyond the context's own. */
  encodePair({ context, continuation }: TextPair): ChoiceIds {
    if (context === "") {
      const ids = this.#tokenizer.encode(continuation, { addSpecialTokens: false });
      const isPrefixed = ids[0] === this.prefixId;
      return nonEmpty(isPrefixed ? split(ids, 1) : { context: [this.prefixId], continuation: ids }, continuation);
    }
    const before = this.#encodeContext(context);
    const whole = this.encode(context + continuation);
    return nonEmpty({ context: before, continuation: whole.slice(before.length) }, continuation);
  }
}

function split(ids: readonly number[], at: number): ChoiceIds {
  return { context: ids.slice(0, at), continuation: ids.slice(at) };
}

function nonEmpty(ids: ChoiceIds, continuation: string): ChoiceIds {
  if (ids.continuation.length > 0 && ids.context.length > 0) return ids;
  const [what, is] = ids.continuation.length === 0 ? ["continuation", quote(continuation)] : [
    "context",
    "of white space, or of nothing that the tokenizer knows",
  ];
  throw new UserError(`Cannot score a ${what}: it is ${is}, which has no token, expected one or more`);
}

/** A text's length without the white space at its end. */
function trimmedLength(text: string): number {
  let length = text.length;
  while (length > 0 && isSpace(text[length - 1]!)) length--;
  return length;
}

/** Ids as a model takes them. */
export interface FittedIds extends ChoiceIds {
  /** How many ids of the context were cut, from its beginning. */
  readonly cut: number;
}

/**
 * Cuts a pair from the left to what a model of `maxLength` positions takes: the last id is only predicted. Throws a
 * UserError for a continuation that is longer than the model.
 */
export function fitPair({ context, continuation }: ChoiceIds, maxLength: number): FittedIds {
  if (continuation.length > maxLength) {
    throw new UserError(
      `Cannot score a continuation of ${continuation.length} tokens: the model takes ${maxLength}, expected at most those`,
    );
  }
  const cut = Math.max(0, context.length + continuation.length - (maxLength + 1));
  return { context: cut === 0 ? context : context.slice(cut), continuation, cut };
}

/**
 * Cuts a context from the left so that `maxNewTokens` ids fit after it. Throws a UserError if none of it would be left.
 */
export function fitPrompt(
  ids: readonly number[],
  { maxLength, maxNewTokens }: { maxLength: number; maxNewTokens: number },
): { ids: readonly number[]; cut: number } {
  const room = maxLength - maxNewTokens;
  if (room <= 0) {
    throw new UserError(
      `Cannot generate ${maxNewTokens} tokens: the model takes ${maxLength}, expected fewer new ones (max_gen_toks)`,
    );
  }
  const cut = Math.max(0, ids.length - room);
  return { ids: cut === 0 ? ids : ids.slice(cut), cut };
}

/** The longest input of a model: what its config.json says, or else its tokenizer, or else 2048. */
export function maxLengthOf(
  config: Readonly<Record<string, unknown>>,
  { modelMaxLength }: { modelMaxLength?: unknown } = {},
): number {
  const own = isRecord(config.text_config) ? config.text_config : config;
  const named = ["n_positions", "max_position_embeddings", "n_ctx"].map((key) => own[key]).find((value) =>
    typeof value === "number"
  );
  if (typeof named === "number") return Math.trunc(named);
  // A tokenizer without a limit has 1e30.
  return typeof modelMaxLength === "number" && modelMaxLength < 1e18 ? Math.trunc(modelMaxLength) : 2048;
}
