/** The questions of `dnpo init`, asked only in a terminal. @module */
import { cancel, intro, isCancel, log, outro, select, text } from "@clack/prompts";
import { type Method, METHODS } from "../core/config/choices.ts";
import { UserError } from "../core/error.ts";
import type { InitChecks } from "./init_checks.ts";
import { type Answers, judgeChoices, neededBy, type StarterJudge } from "./starter_config.ts";

/** What each method is. */
const METHOD_TEXTS: Readonly<Record<Method, string>> = {
  dnpo: "the model answers, a judge chooses, with noise on the reference",
  spin: "the model answers, and the human answers are always chosen",
  dpo: "on pairs of a chosen and a rejected answer that the data has",
  sft: "fine-tuning on human answers, without own ones",
};

/** What each judge is. */
const JUDGE_TEXTS: Readonly<Record<StarterJudge, string>> = {
  verifier: "a TypeScript module scores each answer: best where it can be checked",
  logprob: "the likelihood under a second, usually larger model",
  "reward-model": "a model that was trained to score answers",
  llm: "a language model behind an OpenAI-compatible server is asked",
  self: "the model itself is asked",
  human: "none: the human answer is always chosen, which is SPIN with noise",
};

/** The question, and an example of an answer, for each key that a judge needs. */
const NEED_QUESTIONS: Readonly<Record<"verifier" | "model" | "server_model", readonly [string, string]>> = {
  verifier: ["Module that scores", "verifier.ts"],
  model: ["Judging model: a folder, or org/name on the hub", "models/judge"],
  server_model: ["Name of the judging model on its server", "gpt-4.1-mini"],
};

class Cancelled extends Error {}

/** Throws a UserError if an answer cannot be used. */
type Check<T> = (answer: T) => Promise<void> | void;

/** Asks for what `given` lacks, and again where a check fails; null if the user cancelled. */
export async function ask(given: Partial<Answers>, path: string, checks: InitChecks): Promise<Answers | null> {
  const asked = async <T>(question: Promise<T>): Promise<Exclude<T, symbol>> => {
    const answer = await question;
    if (isCancel(answer)) throw new Cancelled();
    return answer as Exclude<T, symbol>;
  };
  /** An answer in words that passes the check; one that does not is told, and asked for again. */
  const words = async (
    message: string,
    { placeholder, initialValue, check }: { placeholder?: string; initialValue?: string; check: Check<string> },
  ): Promise<string> => {
    while (true) {
      const optional = initialValue === "";
      const typed = await asked(text({
        message,
        ...(placeholder !== undefined && { placeholder }),
        ...(initialValue !== undefined && { initialValue }),
        validate: (value) => value?.trim() || optional ? undefined : "An answer is needed",
      }));
      const answer = (typed ?? "").trim();
      if (await passes(answer, check)) return answer;
    }
  };
  const passes = async <T>(answer: T, check: Check<T>): Promise<boolean> => {
    try {
      await check(answer);
      return true;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      log.error(error.message);
      return false;
    }
  };
  const choice = async <T extends string>(
    message: string,
    { values, texts, check }: { values: readonly T[]; texts: Readonly<Record<T, string>>; check: Check<T> },
  ): Promise<T> => {
    const width = Math.max(...values.map((value) => value.length));
    const options = values.map((value) => ({ value, label: `${value.padEnd(width)}  ${texts[value]}` }));
    while (true) {
      const answer = await asked(select<string>({ message, options })) as T;
      if (await passes(answer, check)) return answer;
    }
  };
  intro(`A config for dnpo: ${path}`);
  try {
    const model = given.model ??
      await words("Model to start from: a Hugging Face folder, a GGUF file, or org/name on the hub", {
        placeholder: "models/small",
        check: (name) => checks.model(name),
      });
    const data = given.data ??
      await words("Rows to train on: JSON lines, JSON, CSV or Parquet, or org/name on the hub", {
        placeholder: "rows.jsonl",
        check: (source) => checks.data(source),
      });
    const heldOut = given.heldOut ??
      await words("Held-out rows, to measure on after each iteration (none: leave it empty)", {
        initialValue: "",
        check: (source) => checks.heldOut(source),
      });
    const method = given.method ?? await choice("Method", {
      // The project's own method comes first.
      values: METHODS.toReversed(),
      texts: METHOD_TEXTS,
      check: (method) => checks.method(method, data),
    });
    const answers: Answers = { ...given, model, data, method, judge: given.judge ?? "human", iterations: 1 };
    if (heldOut === "") delete answers.heldOut;
    else answers.heldOut = heldOut;
    if (method === "dnpo") {
      answers.judge = given.judge ?? await choice("Who chooses between the human answer and the model's?", {
        // Without a judgement it is another method, so that comes last.
        values: judgeChoices().toSorted((a, b) => Number(a === "human") - Number(b === "human")),
        texts: JUDGE_TEXTS,
        check: () => {},
      });
      for (const { name, key } of neededBy(answers.judge)) {
        const [question, placeholder] = NEED_QUESTIONS[name];
        answers[key] = given[key] ?? await words(question, { placeholder, check: (value) => checks.need(name, value) });
      }
    }
    const adapter = checks.adapterReason(model);
    if (given.lora === undefined && adapter !== null) {
      answers.lora = true;
      log.info(adapter);
    } else if (given.lora === undefined) {
      const advice = checks.memoryLine();
      const lora = await choice(`What is trained?${advice === null ? "" : ` ${advice}`}`, {
        values: checks.isTight() ? ["adapter", "all"] : ["all", "adapter"],
        texts: { all: "all weights", adapter: "a LoRA adapter, which takes far less memory" },
        check: () => {},
      });
      answers.lora = lora === "adapter";
    }
    if (given.iterations !== undefined) answers.iterations = given.iterations;
    else if (method !== "sft") {
      answers.iterations = Number(
        await words("Iterations: how often the model is trained on its own answers", {
          initialValue: "3",
          check: (count) => {
            if (!/^[1-9]\d*$/.test(count)) throw new UserError("A number from 1 on is needed");
          },
        }),
      );
    }
    if (given.output === undefined) {
      answers.output = await words("Folder of the run", { initialValue: `runs/${stemOf(path)}`, check: () => {} });
    }
    outro("That is all.");
    return answers;
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    cancel("Cancelled: nothing was written.");
    return null;
  }
}

function stemOf(path: string): string {
  return (path.split(/[\\/]/).at(-1) ?? "").replace(/\.(ya?ml|json)$/i, "") || "default";
}
