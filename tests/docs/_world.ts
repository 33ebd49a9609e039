/** What the commands of the pages find: a hub and a judge on 127.0.0.1 with small random models and a few rows. @module */
import { withFolder } from "../_shared/dnpo.ts";
import { HubServer } from "../_shared/hub_server.ts";
import { type OpenAiServer, startOpenAiServer } from "../_shared/openai_server.ts";
import { writeRewardModel } from "../_shared/reward_model.ts";
import { jsonLines, writeTinyModel } from "../_shared/tiny_model.ts";
import { CHATML, writeTokenizer } from "../core/data/_fixtures.ts";

const CAUSAL = [
  "HuggingFaceTB/SmolLM2-135M",
  "HuggingFaceTB/SmolLM2-135M-Instruct",
  "HuggingFaceTB/SmolLM2-360M-Instruct",
  "Qwen/Qwen2.5-0.5B-Instruct",
  "Qwen/Qwen3-4B-Instruct-2507",
  "alignment-handbook/zephyr-7b-sft-full",
  "meta-llama/Llama-3.2-1B-Instruct",
  "raincandy-u/TinyStories-656K",
];

/** The servers, and where commands find them. */
export interface World extends AsyncDisposable {
  hub: HubServer;
  judge: OpenAiServer;
}

/** Starts both servers. */
export async function startWorld(): Promise<World> {
  const hub = new HubServer();
  hub.tokens.add("hf_of_the_tests");
  for (const [i, name] of CAUSAL.entries()) await addModel(hub, name, { seed: i + 1 });
  await addModel(hub, "your-name/reward-model", { seed: 20, isReward: true });
  for (const [name, files] of Object.entries(DATA_SETS)) hub.add("dataset", name, files);
  const judge = startOpenAiServer({
    chat: (question) =>
      question.includes("[[rating]]")
        ? "Well said. [[7]]"
        : JSON.stringify(question.includes("RESPONSE A") ? { winner: "A" } : { score: question.length % 10 + 1 }),
    models: [{ id: "qwen2.5:7b" }],
  });
  return {
    hub,
    judge,
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      await judge[Symbol.asyncDispose]();
    },
  };
}

async function addModel(
  hub: HubServer,
  name: string,
  { seed, isReward = false }: { seed: number; isReward?: boolean },
): Promise<void> {
  await withFolder(async (dir) => {
    await writeTinyModel(dir, { seed, config: { vocab_size: 368, max_position_embeddings: 2048 } });
    if (isReward) await writeRewardModel(dir, dir);
    await writeTokenizer(dir, { config: { chat_template: CHATML } });
    await hub.addFolder("model", name, dir);
  });
}

const turns = (question: string, answer: string): { role: string; content: string }[] => [
  { role: "user", content: question },
  { role: "assistant", content: answer },
];

function chats(count: number, first: number): string {
  return jsonLines(Array.from({ length: count }, (_, i) => {
    const [question, answer] = [`What is ${first + i} plus one?`, `It is ${first + i + 1}.`];
    return { prompt: question, prompt_id: String(i), messages: turns(question, answer) };
  }));
}

function preferences(count: number): string {
  return jsonLines(Array.from({ length: count }, (_, i) => ({
    chosen: turns(`Say ${i}.`, `${i}`),
    rejected: turns(`Say ${i}.`, `No, ${i + 1}.`),
    score_chosen: 8,
    score_rejected: 3,
  })));
}

function sums(count: number): string {
  return jsonLines(
    Array.from({ length: count }, (_, i) => ({ question: `${i} + ${i}?`, answer: `Twice ${i}.\n#### ${2 * i}` })),
  );
}

const stories = (count: number): string =>
  jsonLines(Array.from({ length: count }, (_, i) => ({
    text: `Once upon a time there were ${i} little cats, and they said hello to the ${
      i + 1
    } dogs of the big house. The dogs were glad.`,
  })));

/** A data set's card that names the files of its splits, as the real ones do. */
function card(splits: readonly string[], config = "default", folder = "data"): string {
  const files = splits.map((split) => `  - split: ${split}\n    path: ${folder}/${split}-*`);
  return `---\nconfigs:\n- config_name: ${config}\n  data_files:\n${files.join("\n")}\n---\n`;
}

const DATA_SETS: Record<string, Record<string, string>> = {
  "HuggingFaceH4/ultrachat_200k": {
    "README.md": card(["train_sft", "test_sft"]),
    "data/train_sft-00000-of-00001.jsonl": chats(24, 0),
    "data/test_sft-00000-of-00001.jsonl": chats(8, 100),
  },
  "trl-lib/ultrafeedback_binarized": {
    "README.md": card(["train", "test"]),
    "data/train-00000-of-00001.jsonl": preferences(8),
    "data/test-00000-of-00001.jsonl": preferences(4),
  },
  "openai/gsm8k": {
    "README.md": card(["train", "test"], "main", "main"),
    "main/train-00000-of-00001.jsonl": sums(16),
    "main/test-00000-of-00001.jsonl": sums(8),
  },
  "roneneldan/TinyStories": {
    "README.md": card(["train", "validation"]),
    "data/train-00000-of-00001.jsonl": stories(16),
    "data/validation-00000-of-00001.jsonl": stories(4),
  },
};
