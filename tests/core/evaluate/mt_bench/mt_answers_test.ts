import { deepEqual, ok } from "node:assert/strict";
import { loadConfig } from "../../../../core/config/config.ts";
import { tokenizerOf } from "../../../../core/data/tokenizer/tokenizer.ts";
import { AnswerJournal } from "../../../../core/evaluate/answer_journal.ts";
import { answerQuestions, type MtAnswer } from "../../../../core/evaluate/mt_bench/mt_answers.ts";
import { type AnyModel, freeModel, loadFrozenModel } from "../../../../core/model/model.ts";
import { commands, device } from "../../../_shared/device.ts";
import { writeTinyModel } from "../../../_shared/tiny_model.ts";
import { withFolder } from "../../_tiny.ts";
import { CHATML, writeTokenizer } from "../../data/_fixtures.ts";

Deno.test("answerQuestions() loads no model for answers that are kept", () =>
  withFolder(async (dir) => {
    await writeTinyModel(dir, { config: { vocab_size: 364, max_position_embeddings: 160 } });
    await writeTokenizer(dir, { config: { chat_template: CHATML } });
    const { generation } = await loadConfig(undefined, { defaults: { generation: { max_new_tokens: 6 } } });
    const tokenizer = (await tokenizerOf(dir))!;
    const loaded = await loadFrozenModel(device, dir);
    const answers = async (model: () => Promise<AnyModel>): Promise<MtAnswer[][]> => {
      await using journal = await AnswerJournal.open<MtAnswer>(`${dir}/answers.jsonl`);
      return await answerQuestions(commands, tokenizer, {
        model,
        vocabSize: 364,
        questions: [{ id: 1, row: 0, category: "math", turns: ["ab", "cd"], references: [], temperature: 0 }],
        generation,
        maxLength: 160,
        journal,
        identity: "it",
        name: "m",
        onProgress: () => {},
        checkStop: () => {},
      });
    };
    try {
      const first = await answers(() => Promise.resolve(loaded));
      ok(first[0]!.length === 2 && first[0]!.every(({ tokens }) => tokens > 0));
      deepEqual(await answers(() => Promise.reject(new Error("it is loaded"))), first);
    } finally {
      freeModel(loaded);
    }
  }));
