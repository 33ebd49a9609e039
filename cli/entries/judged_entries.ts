/** The commands that ask a judge about a model's answers: names, arguments, options and help. @module */
import type { CommandEntry } from "../command_entry.ts";
import { loadCommand } from "../load_command.ts";
import { quantization, quiet, set } from "../options.ts";
import { samplingOptions } from "../sampling_options.ts";

/** `dnpo mt-bench`. */
export const mtBench: CommandEntry = {
  name: "mt-bench",
  summary: "score a model's answers to questions of two turns, by a judge behind a server",
  description:
    "Asks a model 80 questions in 8 categories, each with a second turn, and lets a judge rate every answer " +
    "from 1 to 10: MT-Bench's rules with questions of our own, so that scores are not to be compared with published " +
    "ones. With --baseline the judge compares the answers of two models in both orders instead. Answers and ratings " +
    "are kept: the same command goes on where it was stopped, and pays for nothing twice.",
  argument: {
    name: "MODEL",
    summary: "model with a chat template: a folder, a run's, or org/name on the hub",
    required: false,
    path: "folder",
  },
  options: [
    { flags: "-m, --model <dir>", summary: "the same as MODEL", path: "folder" },
    { flags: "-j, --judge-model <name>", summary: "name of the judging model on its server" },
    { flags: "--base-url <url>", summary: "the judge's OpenAI-compatible server (default: OpenAI's)" },
    { flags: "--baseline <model>", summary: "compare with this model's answers: wins, ties, losses", path: "folder" },
    {
      flags: "--questions <file>",
      summary: "questions in the form of FastChat's question.jsonl (default: our own)",
      path: "file",
    },
    {
      flags: "--references <file>",
      summary: "right answers for the judge, in the form of FastChat's reference_answer",
      path: "file",
    },
    { flags: "--limit <count>", summary: "questions of each category at most (default: all)" },
    {
      flags: "-c, --config <file>",
      summary: "config whose labels, generation and data settings are taken",
      path: "file",
    },
    ...samplingOptions({ temperature: "", tokens: "1024", seed: "42" })
      .filter(({ flags }) => !flags.startsWith("--temperature")),
    { flags: "--max-length <count>", summary: "tokens of a conversation at most (default: the model's)" },
    quantization,
    { flags: "-o, --output <dir>", summary: "folder of the results (default: runs/mt-bench)", path: "folder" },
    { flags: "--overwrite", summary: "forget answers and ratings of before" },
    { flags: "--json", summary: "print the results as JSON" },
    set,
    quiet,
  ],
  examples: [
    ["dnpo mt-bench runs/mine --judge-model gpt-4.1", "OpenAI's server, with the key in OPENAI_API_KEY"],
    [
      "dnpo mt-bench runs/mine -j qwen3:32b --base-url http://localhost:11434/v1 --limit 2",
      "a judge on this machine, 16 questions",
    ],
    ["dnpo mt-bench runs/mine -j gpt-4.1 --baseline models/base", "wins, ties and losses against another model"],
  ],
  run: async (argument, values) => (await loadCommand("mt_bench")).mtBench(argument, values),
};
