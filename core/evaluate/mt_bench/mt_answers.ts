/** A model's answers to questions of two turns. @module */
import type { Commands } from "../../../kernels/device/commands.ts";
import type { GenerationConfig } from "../../config/config_types.ts";
import { answerText } from "../../data/continuation.ts";
import type { Message } from "../../data/formats/messages.ts";
import type { Tokenizer } from "../../data/tokenizer/tokenizer.ts";
import { UserError } from "../../error.ts";
import { digestText } from "../../files/stream_digest.ts";
import { generate } from "../../generate/generate.ts";
import { responseRoom } from "../../generate/response_room.ts";
import type { AnyModel } from "../../model/model.ts";
import type { OnProgress } from "../../progress.ts";
import type { AnswerJournal } from "../answer_journal.ts";
import type { MtQuestion } from "./mt_question.ts";

/** An answer to a turn. */
export interface MtAnswer {
  /** Its text without special tokens and without white space around it, as FastChat keeps it. */
  text: string;
  /** Its tokens, EOS included; 0 if the conversation alone fills the context, so that there is no answer. */
  tokens: number;
  /** Whether the model ended it. */
  finished: boolean;
}

/** What is answered, and how. */
export interface AnswerOptions {
  /** Loads the model; called where an answer is not known, once for each turn and temperature. */
  model: () => Promise<AnyModel>;
  /** The model's token ids are smaller. */
  vocabSize: number;
  questions: readonly MtQuestion[];
  /** The temperature apart, which each question has. */
  generation: GenerationConfig;
  /** Most tokens of a conversation. */
  maxLength: number;
  /** Answers from before; new ones go into it. */
  journal: AnswerJournal<MtAnswer>;
  /** What else an answer depends on: the model's files, the device, the program. */
  identity: string;
  /** The model's name for the progress and for errors. */
  name: string;
  onProgress: OnProgress;
  /** Throws if the work is to stop. */
  checkStop: () => void;
}

/**
 * Lets a model answer the first turns, and then the second ones after its own first answers; the result has an answer for
 * each turn. An answer does not depend on the other questions. Throws UserError, DeviceError, or what `checkStop` throws.
 */
export async function answerQuestions(
  commands: Commands,
  tokenizer: Tokenizer,
  options: AnswerOptions,
): Promise<MtAnswer[][]> {
  const answers: MtAnswer[][] = options.questions.map(() => []);
  const turns = Math.max(...options.questions.map((question) => question.turns.length));
  for (let turn = 0; turn < turns; turn++) {
    const asked = options.questions.flatMap((question, i): Turn[] => {
      if (question.turns.length <= turn) return [];
      const promptIds = encodeTurn(tokenizer, question, { ...options, answers: answers[i]!, turn });
      return [{ question, place: i, promptIds }];
    });
    for (const [i, answer] of await answerTurn(commands, tokenizer, { ...options, asked, turn })) {
      answers[i]!.push(answer);
    }
  }
  return answers;
}

interface Turn {
  question: MtQuestion;
  /** Index of the question among those asked. */
  place: number;
  promptIds: number[];
}

/** The answers to one turn, by the questions' indices. */
async function answerTurn(
  commands: Commands,
  tokenizer: Tokenizer,
  { asked, turn, model: load, generation, maxLength, journal, identity, name, onProgress, checkStop }: AnswerOptions & {
    asked: readonly Turn[];
    turn: number;
  },
): Promise<Map<number, MtAnswer>> {
  const found = new Map<number, MtAnswer>();
  let tokens = 0;
  let before = 0;
  const report = (): void => {
    onProgress({ stage: `turn ${turn + 1} of ${name}`, done: found.size, total: asked.length, tokens });
    if (found.size < asked.length) checkStop();
  };
  const open: (Turn & { key: string; room: number })[] = [];
  for (const each of asked) {
    const { question, promptIds } = each;
    if (promptIds.length >= maxLength) {
      found.set(each.place, { text: "", tokens: 0, finished: false });
      continue;
    }
    const room = responseRoom(promptIds.length, { generation, maxLength });
    const { top_p, top_k, seed, kv_cache_dtype } = generation;
    const sampling = [question.temperature, top_p, top_k, seed, kv_cache_dtype, counterOf(question, turn)];
    const key = digestText(JSON.stringify([identity, sampling, promptIds, room]));
    const known = journal.get(key);
    if (known === undefined) open.push({ ...each, key, room });
    else found.set(each.place, known);
  }
  report();
  // A batch has one temperature.
  for (const temperature of new Set(open.map(({ question }) => question.temperature))) {
    const rows = open.filter(({ question }) => question.temperature === temperature);
    const model = await load();
    const sampled = generate(commands, model, {
      prompts: rows.map(({ question, promptIds, room }) => ({
        row: counterOf(question, turn),
        promptIds,
        maxNewTokens: room,
      })),
      settings: { ...generation, temperature },
      iteration: 0,
      eosIds: model.folder.eosTokenIds,
      onTokens: (count) => {
        tokens = before + count;
        report();
      },
    });
    for await (const { index, ids, finished } of sampled) {
      const { promptIds, place, key } = rows[index]!;
      const text = answerText(tokenizer, { promptIds, conversational: true }, ids).trim();
      const answer = { text, tokens: ids.length, finished };
      found.set(place, answer);
      journal.put(key, answer);
      report();
    }
    before = tokens;
  }
  return found;
}

/** Philox's counter of an answer: another one for each question and turn. */
function counterOf({ row }: MtQuestion, turn: number): number {
  return 2 * row + turn;
}

function encodeTurn(
  tokenizer: Tokenizer,
  { id, turns }: MtQuestion,
  { answers, turn, vocabSize, name }: Pick<AnswerOptions, "vocabSize" | "name"> & {
    answers: readonly MtAnswer[];
    turn: number;
  },
): number[] {
  const messages = turns.slice(0, turn + 1).flatMap((content, i): Message[] => [
    { role: "user", content },
    ...i < turn ? [{ role: "assistant", content: answers[i]!.text } as const] : [],
  ]);
  const text = tokenizer.renderChat(messages, { addGenerationPrompt: true });
  const ids = tokenizer.encode(text, { addSpecialTokens: false });
  const large = ids.find((id) => id >= vocabSize);
  if (large === undefined) return ids;
  throw new UserError(
    `Cannot ask ${name} question ${id}: token id ${large} of its tokenizer is beyond its vocabulary of ${vocabSize}`,
  );
}
