/** The questions of `dnpo init`, asked only in a terminal. @module */
import { cancel, intro, isCancel, outro, select, text } from "@clack/prompts";
import { type Method, METHODS } from "../core/config/choices.ts";
import { type Answers, judgeChoices, neededBy, type StarterJudge } from "./starter_config.ts";

/** What each method is. */
const METHOD_HINTS: Readonly<Record<Method, string>> = {
  dnpo: "a judge decides per prompt; noise on the reference",
  spin: "human answers are always chosen",
  dpo: "on pairs that are there",
  sft: "fine-tuning on human answers",
};

/** What each judge is. */
const JUDGE_HINTS: Readonly<Record<StarterJudge, string>> = {
  verifier: "a TypeScript module scores each answer",
  logprob: "log-probabilities of a second model",
  "reward-model": "a sequence-classification model scores each answer",
  llm: "a model behind an OpenAI-compatible server is asked",
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

/** Asks for what `given` lacks; null if the user cancelled. */
export async function ask(given: Partial<Answers>, path: string): Promise<Answers | null> {
  const asked = async <T>(question: Promise<T>): Promise<Exclude<T, symbol>> => {
    const answer = await question;
    if (isCancel(answer)) throw new Cancelled();
    return answer as Exclude<T, symbol>;
  };
  const words = (message: string, placeholder: string): Promise<string> =>
    asked(text({ message, placeholder, validate: (value) => value?.trim() ? undefined : "an answer is needed" }));
  intro(`A config for dnpo: ${path}`);
  try {
    const model = given.model ??
      await words("Model to start from: a Hugging Face folder, a GGUF file, or org/name on the hub", "models/small");
    const data = given.data ??
      await words("Rows to train on: JSON lines, JSON, CSV or Parquet, or org/name on the hub", "rows.jsonl");
    // The project's own method comes first.
    const methods = METHODS.toReversed().map((value) => ({ value, label: value, hint: METHOD_HINTS[value] }));
    const method = given.method ?? await asked(select({ message: "Method", options: methods }));
    const answers: Answers = { ...given, model, data, method, judge: given.judge ?? "human", iterations: 1 };
    if (method === "dnpo") {
      answers.judge = given.judge ?? await asked(
        select({
          message: "Who tells chosen from rejected?",
          options: judgeChoices().map((value) => ({ value, hint: JUDGE_HINTS[value] })),
        }),
      );
      for (const { name, key } of neededBy(answers.judge)) {
        answers[key] = given[key] ?? await words(...NEED_QUESTIONS[name]);
      }
    }
    if (given.iterations !== undefined) answers.iterations = given.iterations;
    else if (method !== "sft") {
      const count = await asked(text({
        message: "Iterations",
        initialValue: "3",
        validate: (value) => /^[1-9]\d*$/.test(value ?? "") ? undefined : "a number from 1 on",
      }));
      answers.iterations = Number(count);
    }
    if (given.output === undefined) {
      const folder = await asked(text({ message: "Folder of the run", initialValue: `runs/${stemOf(path)}` }));
      if (folder.trim()) answers.output = folder.trim();
    }
    outro("Thank you.");
    return answers;
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    cancel("Broken off.");
    return null;
  }
}

function stemOf(path: string): string {
  return (path.split(/[\\/]/).at(-1) ?? "").replace(/\.(ya?ml|json)$/i, "") || "default";
}
