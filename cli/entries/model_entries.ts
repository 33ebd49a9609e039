/** The commands about existing models and pairs: names, arguments, options and help. @module */
import { UserError } from "../../core/error.ts";
import type { CommandEntry, OptionEntry } from "../command_entry.ts";
import { loadCommand } from "../load_command.ts";
import { noVerifier, quantization, quiet, set } from "../options.ts";
import { samplingOptions } from "../sampling_options.ts";

/** The model that a command is about; `--model` names it as well. */
const model: NonNullable<CommandEntry["argument"]> = {
  name: "MODEL",
  summary: "model: a folder, a run's, or org/name on the hub",
  required: false,
  path: "folder",
};

const modelOption: OptionEntry = { flags: "-m, --model <dir>", summary: "the same as MODEL", path: "folder" };

/** `dnpo score`. */
export const score: CommandEntry = {
  name: "score",
  summary: "print log-probabilities of pairs",
  description: 'Prints {"chosen": …, "rejected": …}, the summed log-probabilities of both responses, for each row.',
  argument: model,
  options: [
    modelOption,
    {
      flags: "-p, --pairs <file>",
      summary: "pairs: a file, a run's folder (those of its last iteration), or org/name on the hub",
      required: true,
      path: "file",
    },
    quantization,
    quiet,
  ],
  examples: [
    ["dnpo score runs/trial --pairs pairs.jsonl", "one JSON object a line"],
    ["dnpo score models/base --pairs runs/trial", "the pairs that the run was trained on last"],
  ],
  run: async (argument, values) => (await loadCommand("score")).score(argument, values),
};

/** lm-evaluation-harness's options that are called otherwise here, or are not needed. */
const LM_EVAL_OPTIONS: CommandEntry["foreignOptions"] = {
  "--model_args": "expected the model as the argument, as in dnpo evaluate org/name",
  "-a": "expected the model as the argument, as in dnpo evaluate org/name",
  "--batch_size": "expected --batch-tokens, which counts tokens",
  "-b": "expected --batch-tokens, which counts tokens",
  "--max_batch_size": "expected --batch-tokens, which counts tokens",
  "--output_path": "expected --output",
  "--include_path": "expected --task-file FILE, or the file among --tasks",
  "--log_samples": "samples are always written, beside the results",
  "-s": "samples are always written, beside the results",
  "--use_cache": "answers are always kept, beside the results; --overwrite forgets them",
  "--fewshot_as_multiturn": "it is so with --apply-chat-template; --no-fewshot-as-multiturn turns it off",
  "--device": "the GPU is found without it; dnpo doctor shows it",
  "--trust_remote_code": "no code of a model or a data set is run",
};

/** `dnpo evaluate`. */
export const evaluate: CommandEntry = {
  name: "evaluate",
  summary: "score a model on benchmarks, as lm-evaluation-harness does",
  description:
    "Asks a model what the tasks ask, prints lm-eval's table, and writes results and samples in its schema. " +
    "A group stands for its tasks: openllm is ARC-Challenge, HellaSwag, TruthfulQA mc2, MMLU, WinoGrande and GSM8K with " +
    "the leaderboard's numbers of examples. HellaSwag and WinoGrande draw other examples there than by themselves, as in " +
    "lm-eval. Answers are kept: the same command goes on where it was stopped, and asks nothing twice.",
  argument: model,
  options: [
    modelOption,
    {
      flags: "-t, --tasks <names>",
      summary: "tasks, groups and YAML files, with commas between; * and ? (--list shows them)",
    },
    { flags: "--num-fewshot <count>", summary: "examples before each question (default: each task's)" },
    { flags: "--limit <count>", summary: "documents of each task at most, or a share of them below 1 (default: all)" },
    { flags: "--apply-chat-template", summary: "write prompts with the model's chat template" },
    { flags: "--no-fewshot-as-multiturn", summary: "with a template: examples within the user's turn" },
    { flags: "--system-instruction <text>", summary: "text before everything; the system's turn with a template" },
    {
      flags: "--gen-kwargs <settings>",
      summary: "as max_gen_toks=128, or JSON, for tasks whose answers are generated",
    },
    { flags: "--seed <number>", summary: "seed of the draw of examples (default: 1234)" },
    { flags: "--max-length <count>", summary: "tokens of an input at most (default: what the model was made for)" },
    { flags: "--batch-tokens <count>", summary: "tokens of a batch at most (default: 4096)" },
    {
      flags: "--data <dir>",
      summary: "folder of rows in place of the hub: DIR/NAME/CONFIG/SPLIT.jsonl",
      path: "folder",
    },
    {
      flags: "--task-file <file>",
      summary: "task of your own, a YAML file with lm-eval's keys; may be repeated",
      repeat: true,
      path: "file",
    },
    { flags: "--text <file>", summary: "text of the task perplexity; may be repeated", repeat: true, path: "file" },
    {
      flags: "--iterations <which>",
      summary: "of a run: last, or all for one result after each",
      choices: ["last", "all"],
    },
    {
      flags: "--baseline <model>",
      summary: "compare with a model, or with a results_TIME.json, document by document",
      path: "file",
    },
    quantization,
    { flags: "-o, --output <dir>", summary: "folder of the results (default: runs/evaluate)", path: "folder" },
    { flags: "--overwrite", summary: "forget answers of before" },
    { flags: "--list", summary: "show the names of all tasks" },
    { flags: "--json", summary: "print the results as JSON" },
    quiet,
  ],
  examples: [
    ["dnpo evaluate runs/quickstart --tasks perplexity --text heldout.txt", "perplexity of a text of your own"],
    ["dnpo evaluate models/zephyr --tasks openllm --apply-chat-template", "the six benchmarks of the paper"],
    ["dnpo evaluate runs/mine -t arc_challenge,gsm8k --iterations all --limit 100", "each iteration, 100 rows of each"],
  ],
  foreignOptions: LM_EVAL_OPTIONS,
  run: async (argument, values) => (await loadCommand("evaluate")).evaluate(argument, values),
  runOnRanks: async (argument, values) => (await loadCommand("ranks_evaluate")).evaluateOnRanks(argument, values),
};

/** `dnpo compare`. */
export const compare: CommandEntry = {
  name: "compare",
  summary: "win, tie and loss of one model against another",
  description: "Lets two models answer the same prompts and a judge compare the answers: how often B wins, with " +
    "intervals and a test. With --iterations the models of each iteration of two runs are compared, and results are kept: " +
    "the same command goes on where it was stopped. The judge's other settings are keys of labels (--set labels.KEY=…).",
  argument: { name: "A", summary: "model: a folder, a run's, or org/name on the hub", required: true, path: "folder" },
  secondArgument: { name: "B", summary: "the one that is compared with it" },
  options: [
    { flags: "-p, --prompts <file>", summary: "rows whose prompts are answered", required: true, path: "file" },
    { flags: "--limit <count>", summary: "rows to read at most (default: all)" },
    {
      flags: "--iterations <which>",
      summary: "all, or such as 0,2: iterations of the run B against those of the run A, or against one model A",
    },
    { flags: "-j, --judge <name>", summary: "verifier, logprob, reward-model, … (default: the config's)" },
    { flags: "--verifier <file>", summary: "module that scores, of judge verifier", path: "file" },
    {
      flags: "--judge-model <dir>",
      summary: "model folder, of judges logprob and reward-model; of judge llm its name on the server",
      path: "folder",
    },
    { flags: "--base-url <url>", summary: "OpenAI-compatible server, of judge llm (default: OpenAI's)" },
    {
      flags: "-c, --config <file>",
      summary: "config whose labels, generation and data settings are taken",
      path: "file",
    },
    ...samplingOptions({ temperature: "0, greedy", tokens: "256", seed: "42" }),
    { flags: "--max-length <count>", summary: "tokens of prompt and answer at most (default: the models')" },
    quantization,
    {
      flags: "-o, --output <file>",
      summary:
        "write all rows with answers, scores and outcomes, as JSON lines; with --iterations the folder of results " +
        "(default: runs/compare)",
      path: "file",
    },
    {
      flags: "-f, --force",
      summary: "overwrite an output that is there, without a question; with --iterations compare anew",
    },
    { flags: "--json", summary: "print the summary as JSON" },
    set,
    noVerifier,
    quiet,
  ],
  examples: [
    [
      "dnpo compare models/base runs/mine --prompts heldout.jsonl --judge verifier --verifier judge.ts",
      "greedy answers",
    ],
    ["dnpo compare A B -p heldout.jsonl -j reward-model --judge-model models/reward -o rows.jsonl", "rows kept"],
    [
      "dnpo compare A B -p heldout.jsonl -j llm --judge-model qwen3:32b --base-url http://localhost:11434/v1",
      "a server",
    ],
    [
      "dnpo compare runs/spin runs/dnpo --iterations all -p heldout.jsonl -c judge.yaml",
      "win rates of DNPO's iterations against SPIN's, for dnpo report",
    ],
  ],
  run: async (a, values, b) => (await loadCommand("compare")).compare(a!, b!, values),
};

/** `dnpo chat`. */
export const chat: CommandEntry = {
  name: "chat",
  summary: "talk with a model",
  description: "Answers what is typed, with the tokenizer's chat template; without one each line is completed. " +
    "/help lists the commands within, which change settings, save, and compare with another model. In a pipe it " +
    "reads prompts and commands line by line and prints the answers alone.",
  argument: model,
  options: [
    modelOption,
    { flags: "-p, --prompt <text>", summary: "answer this and leave" },
    { flags: "--system <text>", summary: "system prompt" },
    ...samplingOptions({ temperature: "the model's own, else 0", tokens: "512", seed: "another one each time" }),
    {
      flags: "--max-length <count>",
      summary: "tokens of the conversation at most (default: what the model was made for, at most 4096)",
    },
    quantization,
    { flags: "--whole", summary: "read all of standard input as one prompt" },
    { flags: "--stats", summary: "tokens per second after each answer, on standard error" },
  ],
  examples: [
    ["dnpo chat runs/quickstart", "talk; /help lists the commands"],
    ["dnpo chat runs/quickstart --prompt hello --temperature 0.7", "one answer"],
  ],
  run: async (argument, values) => (await loadCommand("chat")).chat(argument, values),
};

/** `dnpo push`. */
export const push: CommandEntry = {
  name: "push",
  summary: "send a run's model to the hub, with a model card",
  description: "Sends the model in RUN/model to the repository REPO of the Hugging Face hub as one commit, with its " +
    "tokenizer, a model card and the run's figure; the adapter in RUN/adapter where there is no model. Makes the " +
    "repository where it is missing, private unless --public is given. Needs HF_TOKEN, with write access.",
  argument: { name: "RUN", summary: "the run's folder", required: true, path: "folder" },
  secondArgument: { name: "REPO", summary: "org/name" },
  options: [
    { flags: "--dry-run", summary: "send nothing: list the files with their sizes, and print the model card" },
    { flags: "--adapter", summary: "send the adapter of a run that has a model too (lora.save: both)" },
    { flags: "--public", summary: "let anybody see a repository that is made" },
    { flags: "--message <text>", summary: "the commit's message" },
    { flags: "--revision <branch>", summary: "branch, made where it is missing (default: main)" },
    {
      flags: "--card <file>",
      summary: "model card to send; with --dry-run, file to write the run's own to",
      path: "file",
    },
    { flags: "-f, --force", summary: "with --dry-run, overwrite a card that is there" },
    quiet,
  ],
  examples: [
    ["dnpo push runs/mine your-name/my-model", "private"],
    ["dnpo push runs/mine your-name/my-model --dry-run --card card.md", "the card, to read and edit"],
    ["dnpo push runs/mine your-name/my-model --card card.md --public", "for everybody, with the edited card"],
  ],
  run: async (argument, values, secondArgument) => {
    const text = (value: unknown): string | undefined => typeof value === "string" ? value : undefined;
    const { push } = await loadCommand("push");
    return push({
      run: argument!,
      repo: secondArgument!,
      dryRun: values.dryRun === true,
      asAdapter: values.adapter === true,
      isPublic: values.public === true,
      message: text(values.message),
      revision: text(values.revision),
      cardPath: text(values.card),
      force: values.force === true,
      quiet: values.quiet === true,
    });
  },
};

/** `dnpo export`. */
export const exportPairs: CommandEntry = {
  name: "export",
  summary: "write pairs as a TRL preference data set",
  description: "Writes the pairs of a run's last iteration, or of a file, as prompt, chosen and rejected (lists of " +
    "messages, or texts where the data is text) with their scores, so that the labelled data can be trained anywhere.",
  argument: { name: "RUN|PAIRS", summary: "a run's folder, or a file of pairs", required: true, path: "file" },
  options: [
    { flags: "-o, --output <file>", summary: "file to write: .jsonl or .parquet", required: true, path: "file" },
    { flags: "--iteration <k>", summary: "iteration of the run (default: the last with pairs)" },
    { flags: "-f, --force", summary: "overwrite a file that is there, without a question" },
  ],
  examples: [
    ["dnpo export runs/mine --output pairs.parquet", 'load_dataset("parquet", data_files="pairs.parquet")'],
    ["dnpo export pairs.jsonl --output trl.jsonl", "of a file of pairs"],
  ],
  run: async (argument, values) => {
    const { exportCommand } = await loadCommand("export");
    const iteration = readIteration(values.iteration);
    return exportCommand({
      from: String(argument),
      output: String(values.output),
      ...(iteration !== undefined && { iteration }),
      force: values.force === true,
    });
  },
};

/** Reads an iteration as it was typed. Throws a UserError if it is not a number. */
function readIteration(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && /^\d{1,9}$/.test(value)) return Number(value);
  throw new UserError(`--iteration: expected an integer ≥ 0, got ${JSON.stringify(value)}`);
}
