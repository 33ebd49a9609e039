/** A conversation with a model: it keeps the turns, and leaves out old ones if the context is full. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import { type Message, messageText } from "../data/formats/messages.ts";
import { StreamDecoder } from "../data/tokenizer/stream_decoder.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import type { AnyModel } from "../model/model.ts";
import { DecodeSession } from "./decode_session.ts";

/** How a conversation samples its answers. */
export type ChatSettings = Pick<
  GenerationConfig,
  "temperature" | "top_p" | "top_k" | "seed" | "max_new_tokens" | "kv_cache_dtype"
>;

/** Options of a conversation. */
export interface ChatOptions {
  model: AnyModel;
  tokenizer: Tokenizer;
  settings: ChatSettings;
  /** The most tokens of the whole conversation. */
  maxLength: number;
  /** System prompt, for tokenizers with a chat template. */
  system?: string;
}

/** How an answer ended, and its counts and times. */
export interface AnswerReport {
  /** What ended it. eos: the model; length: max_new_tokens or the context; stopped: the signal. */
  end: "eos" | "length" | "stopped";
  /** Tokens of the text before the answer. */
  promptTokens: number;
  /** How many of those had to be run, because the cache did not hold them. */
  freshTokens: number;
  /** Tokens sampled. */
  tokens: number;
  /** Milliseconds until the first token came. */
  firstMs: number;
  /** Milliseconds from the first token to the last. */
  restMs: number;
  /** Earlier turns that were left out of this and of later answers, because the context was full. */
  forgotten: number;
}

/** The share of the context that is kept free for an answer, unless max_new_tokens is less. */
const ROOM = 1 / 4;

/** The number of ids before a completion with which its first text is decoded. */
const CONTEXT = 8;

/** A conversation. Without a chat template, it only completes texts, each on its own. */
export class Chat {
  /** Whether the tokenizer has a chat template, so that turns are remembered. */
  readonly isConversation: boolean;
  /** The most tokens of the whole conversation. */
  readonly maxLength: number;
  readonly #options: ChatOptions;
  #settings: Readonly<ChatSettings>;
  readonly #session: DecodeSession;
  #system: string | undefined;
  #turns: Message[] = [];
  /** Answers so far, which is Philox's counter, so that the same question gets another sample. */
  #answers = 0;

  /** Throws DeviceError if the device is too small, and a UserError for a system prompt without a chat template. */
  constructor(commands: Commands, options: ChatOptions) {
    const { model, tokenizer, maxLength, settings } = options;
    this.#options = options;
    this.#settings = settings;
    this.maxLength = maxLength;
    this.isConversation = tokenizer.hasChatTemplate;
    if (options.system !== undefined) this.setSystem(options.system);
    this.#session = new DecodeSession(commands, model, { maxLength, cacheDtype: settings.kv_cache_dtype });
  }

  /** The number of remembered turns, without the system prompt. */
  get turns(): number {
    return this.#turns.length;
  }

  /** How the next answer is sampled. */
  get settings(): Readonly<ChatSettings> {
    return this.#settings;
  }

  /**
   * Changes how the answers from now on are sampled. A seed also begins the count of answers anew, so that the same
   * seed and the same turns give the same answers again.
   */
  set(settings: Partial<ChatSettings>): void {
    this.#settings = { ...this.#settings, ...settings };
    if (settings.seed !== undefined) this.#answers = 0;
  }

  /** Forgets all turns; the system prompt stays. */
  reset(): void {
    this.#turns = [];
  }

  /** Begins anew with a system prompt, or without one if it is empty. Throws a UserError without a chat template. */
  setSystem(text: string): void {
    if (text !== "" && !this.isConversation) {
      throw new UserError(
        "Cannot use a system prompt: the tokenizer has no chat template, so that texts are only completed",
      );
    }
    this.#system = text === "" ? undefined : text;
    this.reset();
  }

  /** Throws a UserError, as {@linkcode answer} would, if a user's turn cannot be answered now. */
  check(text: string): void {
    this.#fit(text);
  }

  /**
   * Answers a user's turn: yields the text as it comes, and returns a report. If the signal stops the answer, the text
   * so far is remembered. Throws a UserError, and changes nothing, if the turn alone does not fit or the template
   * refuses it.
   */
  async *answer(text: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<string, AnswerReport> {
    const { model, tokenizer } = this.#options;
    const settings = this.#settings;
    const { turns, ids, forgotten } = this.#fit(text);
    const report: AnswerReport = {
      end: "length",
      promptTokens: ids.length,
      freshTokens: ids.length - this.#session.reusable(ids),
      tokens: 0,
      firstMs: 0,
      restMs: 0,
      forgotten,
    };
    const { eosTokenIds: eosIds } = model.folder;
    // A turn is decoded on its own; a completion continues the text before it.
    const decoder = new StreamDecoder(tokenizer, { after: this.isConversation ? [] : ids.slice(-CONTEXT) });
    let said = "";
    const started = performance.now();
    try {
      const sampled = this.#session.continue({
        ids,
        maxNewTokens: Math.min(settings.max_new_tokens, this.maxLength - ids.length),
        settings,
        row: this.#answers++,
        eosIds,
        ...(signal && { signal }),
      });
      for await (const piece of sampled) {
        const elapsed = performance.now() - started;
        if (report.tokens === 0) report.firstMs = elapsed;
        report.restMs = elapsed - report.firstMs;
        report.tokens += piece.length;
        if (eosIds.includes(piece.at(-1)!)) {
          report.end = "eos";
          piece.pop();
        }
        const fresh = decoder.push(piece);
        said += fresh;
        if (fresh !== "") yield fresh;
      }
      if (report.end !== "eos" && signal?.aborted) report.end = "stopped";
      const last = decoder.finish();
      said += last;
      if (last !== "") yield last;
    } finally {
      // A turn that was stopped before any text came is not remembered.
      const isSaid = said !== "" || report.end === "eos";
      if (this.isConversation && isSaid) this.#turns = [...turns, { role: "assistant", content: said }];
    }
    return report;
  }

  /** Frees its memory on the device. */
  free(): void {
    this.#session.free();
  }

  /** The turns up to the user's that fit with room for an answer, and their ids; the oldest are left out first. */
  #fit(text: string): { turns: readonly Message[]; ids: number[]; forgotten: number } {
    const turns: readonly Message[] = [...this.#turns, { role: "user", content: text }];
    const room = Math.min(this.#settings.max_new_tokens, Math.max(1, Math.floor(this.maxLength * ROOM)));
    let kept = turns;
    let ids = this.#encode(kept);
    // A user's turn is left out with its answer, because templates insist on alternating roles.
    while (ids.length + room > this.maxLength && kept.length > 2) {
      kept = kept.slice(2);
      ids = this.#encode(kept);
    }
    if (ids.length >= this.maxLength) {
      throw new UserError(
        `Cannot answer: the prompt has ${ids.length} tokens, expected less than the context of ${this.maxLength}`,
      );
    }
    return { turns: kept, ids, forgotten: turns.length - kept.length };
  }

  #encode(turns: readonly Message[]): number[] {
    const { tokenizer, model } = this.#options;
    const system: Message[] = this.#system === undefined ? [] : [{ role: "system", content: this.#system }];
    const ids = this.isConversation
      ? tokenizer.encode(tokenizer.renderChat([...system, ...turns], { addGenerationPrompt: true }), {
        addSpecialTokens: false,
      })
      : tokenizer.encode(messageText(turns.at(-1)!));
    if (ids.length === 0) throw new UserError("Cannot answer: the prompt has no tokens, expected at least one");
    const large = ids.find((id) => id >= model.config.vocabSize);
    if (large !== undefined) {
      throw new UserError(
        `Cannot answer: token id ${large} of the tokenizer is beyond the model's vocabulary of ${model.config.vocabSize}`,
      );
    }
    return ids;
  }
}
