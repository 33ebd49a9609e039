/** Samples responses through servers with OpenAI's completions API; rows come in any order. @module */
import { philox4x32 } from "../../kernels/random/philox.ts";
import { philoxKey } from "../../kernels/random/philox_key.ts";
import { SERVER_DEFAULTS } from "../config/config.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import { continuedIds } from "../data/continuation.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { fatal, type Server, ServerError } from "../server/openai_client.ts";
import { streamPool } from "../server/request_pool.ts";
import type { Generated, GenerationPrompt } from "./batch_generator.ts";

/** A prompt that a server may get as ids or as text. */
export interface ServedPrompt extends GenerationPrompt {
  prompt: string;
  /** Whether a chat template wrote the prompt, with all special tokens. */
  conversational: boolean;
}

/** A response; its ids are those that were sampled, unless it is `retokenized` because the server gave only text. */
export interface ServedRow extends Generated {
  retokenized?: true;
}

/** Servers that all serve the same model. */
export interface Serving {
  servers: readonly Server[];
  /** The model's name there. */
  model: string;
  signal: AbortSignal;
  onNote: (line: string) => void;
}

/** How responses are sampled. */
export interface ServedOptions {
  prompts: readonly ServedPrompt[];
  settings: GenerationConfig;
  /** The iteration in Philox's key for the rows' seeds. */
  iteration: number;
  eosIds: readonly number[];
  /** The model's tokenizer; if null, the server must take and return ids. */
  tokenizer: Tokenizer | null;
  vocabSize: number;
  /** Called with the number of tokens sampled so far; throw to stop. */
  onTokens?: (tokens: number) => void;
}

/**
 * Forms of a request, in the order in which they are tried: ids with the settings that vLLM and llama.cpp know, the
 * text with these settings, the text with OpenAI's own settings only.
 */
const FORMS = ["ids", "text", "plain"] as const;
type Form = typeof FORMS[number];

/**
 * Lets the servers, in rotation, answer every prompt, and yields each response when it comes. Throws a UserError if a
 * server fails for good, or cannot do what is asked.
 */
export async function* generateServed(serving: Serving, options: ServedOptions): AsyncGenerator<ServedRow> {
  const { servers, signal, onNote } = serving;
  const { prompts, settings, onTokens } = options;
  const { concurrency } = { ...SERVER_DEFAULTS, ...settings };
  const forms = servers.map((): Form => "ids");
  let toldText = false;
  let tokens = 0;
  const answer = async (index: number, stop: AbortSignal): Promise<ServedRow> => {
    const prompt = prompts[index]!;
    // The row decides on the server, so that a row that is asked again after a stop goes to the same one.
    const at = prompt.row % servers.length;
    const server = servers[at]!;
    for (let form = forms[at]!;;) {
      try {
        const completion = await server.post("/completions", requestBody(prompt, { form, serving, options }), {
          signal: stop,
          cut: true,
        });
        forms[at] = form;
        const row = readCompletion(completion, { index, prompt, options, url: server.url });
        if (row.retokenized && !toldText) {
          toldText = true;
          onNote(
            `${server.url} gives text, not the sampled ids: responses are tokenized again (generation/retokenized)`,
          );
        }
        return row;
      } catch (error) {
        const next = nextForm(form, options);
        if (!(error instanceof ServerError) || !error.refusesRequest || next === null) {
          throw fatal(
            error,
            `Cannot generate row ${prompt.row}`,
            "; what is done is kept, and the same command goes on",
          );
        }
        form = next;
      }
    }
  };
  const indices = prompts.map((_, i) => i);
  for await (const row of streamPool(indices, { concurrency, signal }, answer)) {
    tokens += row.ids.length;
    onTokens?.(tokens);
    yield row;
  }
}

/** The form to try after a refusal; null if the next one could not express the settings, or there is none. */
function nextForm(form: Form, { tokenizer, settings }: ServedOptions): Form | null {
  const next = FORMS[FORMS.indexOf(form) + 1];
  if (next === undefined || tokenizer === null) return null;
  return next === "plain" && settings.top_k > 0 ? null : next;
}

function requestBody(
  { row, prompt, promptIds, conversational, maxNewTokens }: ServedPrompt,
  { form, serving, options }: { form: Form; serving: Serving; options: ServedOptions },
): Record<string, unknown> {
  const { settings, iteration, eosIds } = options;
  const { temperature, top_p, top_k, seed } = settings;
  const standard = {
    model: serving.model,
    prompt: form === "ids" ? promptIds : prompt,
    max_tokens: maxNewTokens,
    temperature,
    top_p,
    seed: rowSeed(seed, { iteration, row }),
  };
  if (form === "plain") return standard;
  return {
    ...standard,
    // These are sent so that the server does not use its own or the model's defaults.
    top_k: top_k === 0 ? -1 : top_k,
    min_p: 0,
    repetition_penalty: 1,
    repeat_penalty: 1,
    stop_token_ids: eosIds,
    return_token_ids: true,
    ...(form === "text" && { add_special_tokens: !conversational }),
  };
}

/** A row's own seed of 31 bits, so that its sample does not depend on other requests or their order. */
export function rowSeed(seed: number, { iteration, row }: { iteration: number; row: number }): number {
  return philox4x32([row, 0, 0, 0], philoxKey(seed, { iteration, purpose: "serverSeeds" }))[0] >>> 1;
}

function readCompletion(
  completion: unknown,
  { index, prompt, options, url }: { index: number; prompt: ServedPrompt; options: ServedOptions; url: string },
): ServedRow {
  const { eosIds, tokenizer, vocabSize } = options;
  const { choices } = (completion ?? {}) as { choices?: unknown };
  const [choice] = Array.isArray(choices) ? choices : [];
  const { text, token_ids: given, finish_reason } = choice ?? {};
  const bad = (what: string): UserError => new UserError(`Cannot generate row ${prompt.row}: ${url} ${what}`);
  const stopped = finish_reason === "stop";
  if (Array.isArray(given)) {
    const wrong = given.find((id) => !Number.isSafeInteger(id) || id < 0 || id >= vocabSize);
    if (wrong !== undefined) {
      throw bad(
        `returned the token id ${
          JSON.stringify(wrong)
        }, expected less than the vocabulary of ${vocabSize}: it serves another model`,
      );
    }
    return { index, ...close(given, stopped) };
  }
  if (typeof text !== "string") throw bad("answered what is no completion, expected choices with text or token_ids");
  if (tokenizer === null) {
    throw bad("returned no token_ids, and the model has no tokenizer.json to make them of the text");
  }
  let ids;
  try {
    ids = idsAfter(prompt, text, tokenizer);
  } catch (error) {
    throw error instanceof UserError ? bad(`answered a text without ids of its own: ${error.message}`) : error;
  }
  // The text may have more tokens now than were sampled.
  const fits = ids.length + (stopped ? 1 : 0) <= prompt.maxNewTokens;
  const row = fits ? close(ids, stopped) : { ids: ids.slice(0, prompt.maxNewTokens), finished: false };
  return { index, ...row, retokenized: true };

  /** Appends the EOS that ended a response, which only some servers return. */
  function close(ids: number[], stopped: boolean): { ids: number[]; finished: boolean } {
    if (eosIds.includes(ids.at(-1)!)) return { ids, finished: true };
    if (!stopped && ids.length === 0) throw bad("returned an empty response that did not end by itself");
    if (!stopped) return { ids, finished: false };
    const own = tokenizer?.eosId ?? null;
    return { ids: [...ids, own !== null && eosIds.includes(own) ? own : eosIds[0]!], finished: true };
  }
}

/** The ids of a response given as text. */
function idsAfter({ prompt, promptIds, conversational }: ServedPrompt, text: string, tokenizer: Tokenizer): number[] {
  const whole = prompt + text;
  return continuedIds(tokenizer, { before: prompt, beforeIds: promptIds, whole, addSpecialTokens: !conversational })
    .ids;
}
