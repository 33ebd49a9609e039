/** The judge that is the policy itself, asked in the way of judge `llm`. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { generate } from "../generate/generate.ts";
import type { AnyModel } from "../model/model.ts";
import type { Judge } from "./judge.ts";
import { type Asking, questionsOf, rowVerdict } from "./judge_questions.ts";
import { ReplyCount, VERDICT_FORMS } from "./reply_count.ts";
import { uncutPart } from "./verdict.ts";

/** Options of {@linkcode selfJudge}. */
export interface SelfJudge {
  model: AnyModel;
  tokenizer: Tokenizer;
  asking: Asking;
  /** Settings of sampling, such as how many questions are answered at a time; the temperature is not used. */
  generation: GenerationConfig;
  /** The most tokens of a reply. */
  maxTokens: number;
  /** The share of replies that may be unreadable. */
  maxInvalid: number;
}

/** A judge that lets `model` answer greedily. The tokenizer's chat template, if it has one, writes the question. */
export function selfJudge(commands: Commands, options: SelfJudge): Judge {
  const { model, tokenizer, asking, generation, maxTokens, maxInvalid } = options;
  const name = "self";
  const totals = { questions: 0, invalid: 0, prompt: 0, completion: 0 };
  let told: string[] = [];
  return {
    name,
    async score(rows, onDone) {
      const texts = rows.map((row) => questionsOf(row, asking));
      const questions = [...new Set(texts.flat())];
      const rowsOf = Map.groupBy(texts.flatMap((list, i) => list.map((text) => ({ text, i }))), ({ text }) => text);
      const prompts = questions.map((text, row) => {
        const promptIds = encodeQuestion(text, tokenizer);
        if (promptIds.length === 0) throw new UserError(`Cannot label with judge ${name}: a question has no tokens`);
        return { row, promptIds, maxNewTokens: maxTokens };
      });
      const count = new ReplyCount({ name, form: VERDICT_FORMS[asking.mode], maxInvalid, total: questions.length });
      const replies = new Map<string, string>();
      const left = texts.map((list) => list.length);
      let done = left.filter((open) => open === 0).length;
      const settings = { ...generation, temperature: 0 };
      const eosIds = model.folder.eosTokenIds;
      const onTokens = (): void => onDone(done);
      for await (
        const { index, ids, finished } of generate(commands, model, {
          prompts,
          settings,
          iteration: 0,
          eosIds,
          onTokens,
        })
      ) {
        const text = questions[index]!;
        const whole = ids.length > 0 ? tokenizer.decode(ids, { skipSpecialTokens: true }) : "";
        const reply = finished ? whole : uncutPart(whole);
        replies.set(text, reply);
        totals.prompt += prompts[index]!.promptIds.length;
        totals.completion += ids.length;
        for (const { i } of rowsOf.get(text)!) if (--left[i]! === 0) done++;
        count.add(reply, finished ? "" : `cut at max_tokens ${maxTokens}`);
        onDone(done);
      }
      totals.questions += questions.length;
      totals.invalid += count.unreadable;
      told = count.notes();
      return texts.map((list) => rowVerdict(list.map((text) => replies.get(text)!), asking.mode));
    },
    metrics: () => ({
      "labels/requests": totals.questions,
      "labels/invalid": totals.invalid,
      "labels/prompt_tokens": totals.prompt,
      "labels/completion_tokens": totals.completion,
    }),
    notes: () => told,
  };
}

function encodeQuestion(text: string, tokenizer: Tokenizer): number[] {
  if (!tokenizer.hasChatTemplate) return tokenizer.encode(text);
  const turn = tokenizer.renderChat([{ role: "user", content: text }], { addGenerationPrompt: true });
  return tokenizer.encode(turn, { addSpecialTokens: false });
}
