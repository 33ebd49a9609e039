/** The judge that is a local reward model: transformers' sequence classification. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { ResponseRow } from "../data/stage_files.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { type RewardModel, scoreTexts } from "../model/reward_model.ts";
import type { Judge } from "./judge.ts";

/** Options of {@linkcode rewardModelJudge}. */
export interface RewardModelJudge {
  model: RewardModel;
  /** The reward model's own tokenizer, for all texts; null if its folder has none, and then the rows' ids are used. */
  tokenizer: Tokenizer | null;
  /** The output of the head that is the score, by name or index; may be absent if there is only one. */
  label?: string | number;
  /** The most tokens of a text (default: the model's own limit); the beginning of a longer one is left out. */
  maxLength?: number;
}

/**
 * A judge whose score is an output of the head (a logit, not a probability) on the text of prompt and answer. The text
 * is what the chat template of the model's own tokenizer writes; without a template, it is prompt and answer end to
 * end, with EOS unless the answer was cut. Throws a UserError if the head has several outputs and none is named.
 */
export function rewardModelJudge(commands: Commands, options: RewardModelJudge): Judge {
  const { model, maxLength = model.folder.config.maxPositionEmbeddings } = options;
  const label = labelIndex(model, options.label);
  let [cut, texts] = [0, 0];
  return {
    name: "reward-model",
    async score(rows, onDone) {
      const all = rows.flatMap((row) =>
        [
          { text: row.response, ids: row.responseIds, ends: row.responseFinished ?? true },
          { text: row.generated, ids: row.generatedIds, ends: row.finished },
        ].map((answer) => {
          const ids = encode(row, answer, options);
          if (ids.length > maxLength) cut++;
          return ids.slice(Math.max(0, ids.length - maxLength));
        })
      );
      texts += all.length;
      const scores = await scoreTexts(commands, model, {
        rows: all,
        onDone: (done) => onDone(Math.floor(done / 2)),
      });
      return rows.map((_, i) => ({ human: scores[2 * i]![label]!, generated: scores[2 * i + 1]![label]! }));
    },
    metrics: () => ({ "labels/truncated": cut }),
    notes: () =>
      cut === 0 ? [] : [
        `judge reward-model: ${cut} of ${texts} texts were longer than ${maxLength} tokens and lost their beginning`,
      ],
  };
}

function labelIndex({ folder: { dir, labels } }: RewardModel, label: string | number | undefined): number {
  const names = labels.map((name, i) => `${i} (${name})`).join(", ");
  if (label === undefined) {
    if (labels.length === 1) return 0;
    throw new UserError(
      `Cannot judge with ${dir}: its head has ${labels.length} outputs, ${names}; labels.reward_label says which one scores`,
    );
  }
  const index = typeof label === "number" ? label : labels.indexOf(label);
  if (labels[index] !== undefined) return index;
  throw new UserError(
    `Cannot judge with ${dir}: labels.reward_label is ${JSON.stringify(label)}, expected one of ${names}`,
  );
}

function encode(
  row: ResponseRow,
  { text, ids, ends }: { text: string; ids: readonly number[]; ends: boolean },
  { model, tokenizer }: RewardModelJudge,
): number[] {
  const { dir, config } = model.folder;
  const whole = tokenizer === null ? [...row.promptIds, ...ids] : tokenizeText(row, { text, ends, tokenizer });
  if (whole.length === 0) {
    throw new UserError(`Cannot score row ${row.row} with ${dir}: prompt and answer have no tokens`);
  }
  const large = whole.find((id) => id >= config.vocabSize);
  if (large !== undefined) {
    throw new UserError(
      `Cannot score row ${row.row} with ${dir}: token id is ${large}, expected less than its vocabulary of ${config.vocabSize}`,
    );
  }
  return whole;
}

function tokenizeText(
  row: ResponseRow,
  { text, ends, tokenizer }: { text: string; ends: boolean; tokenizer: Tokenizer },
): number[] {
  if (tokenizer.hasChatTemplate) {
    const messages = [...row.messages ?? [{ role: "user", content: row.prompt }], { role: "assistant", content: text }];
    // The template writes all special tokens, so the tokenizer adds none.
    const rendered = tokenizer.renderChat(messages, { ...row.variables, keepText: true, addGenerationPrompt: false });
    return tokenizer.encode(rendered, { addSpecialTokens: false });
  }
  const eos = tokenizer.eosToken ?? "";
  return tokenizer.encode(row.prompt + text + (ends && !text.endsWith(eos) ? eos : ""));
}
