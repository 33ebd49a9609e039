/** Sampling responses through servers that speak OpenAI's completions API: the same rows, in any order. @module */
import { philox4x32 } from "../../kernels/random/philox.ts";
import { philoxKey } from "../../kernels/random/philox_key.ts";
import { SERVER_DEFAULTS } from "../config/config.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import { continuationIds } from "../data/tokenize_rows.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { fatal, type Server, ServerError } from "../server/openai_client.ts";
import { streamPool } from "../server/request_pool.ts";
import type { Generated, GenerationPrompt } from "./batch_generator.ts";

/** A prompt as a server may be given it: as ids, or as text. */
export interface ServedPrompt extends GenerationPrompt {
  prompt: string;
  /** Whether a chat template wrote the prompt, special tokens and all. */
  conversational: boolean;
}

/** A response; its ids are those that were sampled, unless the server gave text alone. */
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
  /** The iteration of the seeds' key. */
  iteration: number;
  eosIds: readonly number[];
  /** Null where the model has none: then only a server will do that takes and gives ids. */
  tokenizer: Tokenizer | null;
  vocabSize: number;
  /** Told the tokens sampled so far. */
  onTokens?: (tokens: number) => void;
}

/** What is sent: ids with the settings that vLLM and llama.cpp know; the text with them; the text with OpenAI's own alone. */
const FORMS = ["ids", "text", "plain"] as const;
type Form = typeof FORMS[number];

/**
 * Has the servers, in rotation, answer every prompt, and yields each response when it comes. Throws a UserError where a
 * server fails for good or cannot do what is asked.
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
    // By the row, so that one that is asked again after a stop goes to the same server.
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

/** The form to try after a refusal; null where the next would not be what is asked for. */
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
    // All that a server would else take from its own or the model's defaults is said.
    top_k: top_k === 0 ? -1 : top_k,
    min_p: 0,
    repetition_penalty: 1,
    repeat_penalty: 1,
    stop_token_ids: eosIds,
    return_token_ids: true,
    ...(form === "text" && { add_special_tokens: !conversational }),
  };
}

/** A row's own seed, 31 bits, so that its sample does not depend on what else is asked or in what order. */
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
  const ids = continuationIds(prompt, text, tokenizer);
  // Tokenized again it may be longer than what was sampled.
  const fits = ids.length + (stopped ? 1 : 0) <= prompt.maxNewTokens;
  const row = fits ? close(ids, stopped) : { ids: ids.slice(0, prompt.maxNewTokens), finished: false };
  return { index, ...row, retokenized: true };

  /** Servers differ in whether the EOS that ended a response is among what they return. */
  function close(ids: number[], stopped: boolean): { ids: number[]; finished: boolean } {
    if (eosIds.includes(ids.at(-1)!)) return { ids, finished: true };
    if (!stopped && ids.length === 0) throw bad("returned an empty response that did not end by itself");
    if (!stopped) return { ids, finished: false };
    const own = tokenizer?.eosId ?? null;
    return { ids: [...ids, own !== null && eosIds.includes(own) ? own : eosIds[0]!], finished: true };
  }
}
