/** Continues rows greedily until strings that end them, by this process or by all ranks of a job. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { alone, inStep, type SteppedWork } from "../cluster/in_step.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { answerPart } from "../generate/generate.ts";
import type { AnyModel } from "../model/model.ts";
import { cut } from "../model/scorer.ts";
import { StopStrings } from "./stop_strings.ts";

/** A context to continue. */
export interface UntilRow {
  /** At least one token. */
  readonly ids: readonly number[];
  /** Strings that end the answer, and are no part of it; the text of the tokenizer's EOS is one by itself. */
  readonly until: readonly string[];
  /** The most tokens of the answer; at least 1. */
  readonly maxNewTokens: number;
}

/** An answer. */
export interface UntilAnswer {
  /** Its text without special tokens, cut at the stops; white space is left. */
  text: string;
  /** Its ids, up to the one with which a stop or EOS is there. */
  ids: number[];
}

/** Rows to continue, as data; each has at least one token. */
export interface RowsToContinue {
  rows: readonly UntilRow[];
  /** The most rows that run at a time, on each rank. */
  batchSize: number;
  eosIds: readonly number[];
  /** What the logits of tokens that a row has are divided by. */
  repetitionPenalty: number;
}

/** Answers that have ended, by the places of their rows, and all tokens so far. */
export interface Continued {
  answers: readonly { place: number; answer: UntilAnswer }[];
  tokens: number;
}

/** A rank's answers since it told last, and all of its tokens so far. */
interface RankContinued extends Continued {
  rank: number;
}

/** Continues rows, and yields answers as they end. A row's answer does not depend on the others. Throws DeviceError. */
export async function* continueRows(
  commands: Commands,
  model: AnyModel,
  tokenizer: Tokenizer,
  asked: RowsToContinue,
): AsyncGenerator<Continued> {
  if (!model.shared) {
    for await (const found of alone(continuePart(commands, model, tokenizer, asked, { rank: 0, size: 1 }))) {
      yield* found;
    }
    return;
  }
  const { crew, place } = model.shared;
  const { transport } = crew;
  let [before, tokens] = [0, 0];
  for (const rows of cut(asked.rows, { batchTokens: crew.taskIds, tokens: ({ ids }) => ids.length })) {
    const piece: RowsToContinue = { ...asked, rows };
    const all = crew.streaming(
      { task: "continue", model: place, ...piece },
      () => inStep(transport, continuePart(commands, model, tokenizer, piece, transport)),
    );
    const [first, ofRanks] = [tokens, new Map<number, number>()];
    for await (const told of all) {
      for (const { rank, tokens: own } of told) ofRanks.set(rank, own);
      tokens = first + [...ofRanks.values()].reduce((sum, own) => sum + own, 0);
      const answers = told.flatMap(({ answers }) => answers);
      yield { answers: answers.map(({ place, answer }) => ({ place: before + place, answer })), tokens };
    }
    before += rows.length;
  }
}

/** Continues every `size`-th row from row `rank` on, with the model's own tokenizer: 16 tokens of some of them at a step. */
export function continuePart(
  commands: Commands,
  model: AnyModel,
  tokenizer: Tokenizer,
  { rows, batchSize, eosIds, repetitionPenalty }: RowsToContinue,
  at: { rank: number; size: number },
): SteppedWork<RankContinued> {
  const { eosToken } = tokenizer;
  const stops = rows.map(({ until }) => new StopStrings(tokenizer, eosToken === null ? until : [...until, eosToken]));
  const settings = {
    temperature: 0,
    top_p: 1,
    top_k: 0,
    seed: 0,
    max_new_tokens: 1,
    batch_size: batchSize,
    kv_cache_dtype: "float32",
  } as const;
  const work = answerPart(commands, model, {
    prompts: rows.map(({ ids, maxNewTokens }, row) => ({ row, promptIds: ids, maxNewTokens })),
    settings,
    iteration: 0,
    eosIds,
    repetitionPenalty,
    isDone: (row, ids) => stops[row]!.end(ids) !== null,
  }, at);
  return {
    async step() {
      const found = await work.step();
      return found.map(({ rank, answers, tokens }) => ({
        rank,
        tokens,
        // Where a stop began was seen by the rank that continued the row.
        answers: answers.map(({ index, ids: all }) => {
          const ids = all.slice(0, stops[index]!.end(all) ?? all.length);
          return { place: index, answer: { text: stops[index]!.textOf(ids), ids } };
        }),
      }));
    },
    isDone: () => work.isDone(),
    free: () => work.free(),
  };
}
