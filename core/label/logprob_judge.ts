/** The judge that is a second local model, which scores by the mean log-probability per token. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { ResponseRow } from "../data/stage_files.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import type { AnyModel } from "../model/model.ts";
import type { ExampleIds, PairIds } from "../model/pack.ts";
import { pairLogps } from "../model/row_logps.ts";
import type { Judge } from "./judge.ts";

/** Options of {@linkcode logprobJudge}. */
export interface LogprobJudge {
  model: AnyModel;
  /** The judging model's tokenizer, with which texts are tokenized again; null if the generating model has the same. */
  tokenizer: Tokenizer | null;
}

/** A judge whose score is log p(y|x) / |y| under `model`, in nats per token. */
export function logprobJudge(commands: Commands, { model, tokenizer }: LogprobJudge): Judge {
  return {
    name: "logprob",
    async score(rows, onDone) {
      const pairs = rows.map((row): PairIds => {
        const human = encode(row, {
          text: row.response,
          ids: row.responseIds,
          ends: row.responseFinished ?? true,
          model,
          tokenizer,
        });
        const generated = encode(row, {
          text: row.generated,
          ids: row.generatedIds,
          ends: row.finished,
          model,
          tokenizer,
        });
        return { ...human, chosenIds: human.responseIds, rejectedIds: generated.responseIds };
      });
      const sums = await pairLogps(commands, model, { pairs, onDone });
      return pairs.map(({ chosenIds, rejectedIds }, i) => ({
        human: sums[2 * i]! / chosenIds.length,
        generated: sums[2 * i + 1]! / rejectedIds.length,
      }));
    },
  };
}

function encode(
  row: ResponseRow,
  { text, ids, ends, model, tokenizer }: LogprobJudge & { text: string; ids: readonly number[]; ends: boolean },
): ExampleIds {
  let { promptIds, responseIds }: { promptIds: readonly number[]; responseIds: readonly number[] } = {
    promptIds: row.promptIds,
    responseIds: ids,
  };
  if (tokenizer) {
    promptIds = tokenizer.encode(row.prompt);
    // An answer that was cut has no EOS (docs/method.md, "One iteration").
    const eos = ends ? tokenizer.eosToken ?? "" : "";
    responseIds = tokenizer.encode(row.prompt + text + eos).slice(promptIds.length);
  }
  const large = [...promptIds, ...responseIds].find((id) => id >= model.config.vocabSize);
  if (large !== undefined) {
    throw new UserError(
      `Cannot score row ${row.row} with ${model.folder.dir}: token id is ${large}, expected less than its vocabulary of ${model.config.vocabSize}`,
    );
  }
  if (promptIds.length === 0 || responseIds.length === 0) {
    throw new UserError(`Cannot score row ${row.row} with ${model.folder.dir}: prompt or response has no tokens there`);
  }
  return { example: row.row, promptIds, responseIds };
}
