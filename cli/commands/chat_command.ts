/** `dnpo chat`. @module */
import { UserError } from "../../core/error.ts";
import type { AnswerReport, Chat } from "../../core/generate/conversation.ts";
import { openChat, type OpenedChat } from "../../core/generate/open_chat.ts";
import { printable } from "../../core/safe_text.ts";
import { pipedPrompts, TerminalInput } from "../chat_input.ts";
import type { Values } from "../command_entry.ts";
import { configOfFlags, flagValue, QUANTIZATION_FLAG, SAMPLING_FLAGS } from "../config_flags.ts";
import { formatThings } from "../format_units.ts";
import { print, tell, tellFaint } from "../print.ts";
import { Progress } from "../progress_line.ts";

const HELP = [
  "/reset        forget the conversation",
  "/system TEXT  begin anew with this system prompt; without TEXT, with none",
  "/help         these lines",
  "/exit         leave (as Ctrl-D does)",
  "Ctrl-C stops an answer; a second one leaves.",
];

/** Two signals within this many milliseconds are one key press, passed on twice by a task runner. */
const SAME_PRESS_MS = 250;
const INTERRUPTED = 130;

/** Talks with a model: in a terminal until the user leaves, in a pipe until it ends. */
export async function chat(values: Values): Promise<number> {
  using opened = await openFromFlags(values);
  const talk = new Talk(opened.chat, { stats: values.stats === true });
  if (typeof values.prompt === "string") return await talk.say(values.prompt);
  if (!Deno.stdin.isTerminal()) return await talk.pipe(pipedPrompts({ whole: values.whole === true }));
  return await talk.interactive(opened, String(values.model));
}

async function openFromFlags(values: Values): Promise<OpenedChat> {
  const { generation, data, quantization } = await configOfFlags(values, {
    flags: [...SAMPLING_FLAGS, QUANTIZATION_FLAG, { name: "max-length", key: "data.max_length" }],
    defaults: { generation: { max_new_tokens: 512 } },
  });
  const given = (name: string): boolean => flagValue(values, { name }) !== undefined;
  const progress = new Progress();
  const opened = await openChat({
    onProgress: (event) => progress.update(event),
    onNote: (line) => progress.note(line),
    model: String(values.model),
    quantization,
    settings: {
      max_new_tokens: generation.max_new_tokens,
      ...(given("temperature") && { temperature: generation.temperature }),
      ...(given("top-p") && { top_p: generation.top_p }),
      ...(given("top-k") && { top_k: generation.top_k }),
      ...(given("seed") && { seed: generation.seed }),
      kv_cache_dtype: generation.kv_cache_dtype,
    },
    ...(given("max-length") && { maxLength: data.max_length }),
    ...(typeof values.system === "string" && { system: values.system }),
  }).finally(() => progress.finish());
  return opened;
}

class Talk {
  readonly #chat: Chat;
  readonly #stats: boolean;
  readonly #write = print(Deno.stdout);
  readonly #isTerminal = Deno.stdout.isTerminal();
  #stoppedAt = -Infinity;

  constructor(chat: Chat, { stats }: { stats: boolean }) {
    this.#chat = chat;
    this.#stats = stats;
  }

  /** Prints one answer, and nothing else, on standard output. Returns the exit code. */
  async say(text: string): Promise<number> {
    return (await this.#answer(text)).end === "stopped" ? INTERRUPTED : 0;
  }

  /** Answers every prompt. Commands are carried out; all other text is a prompt. Returns the exit code. */
  async pipe(prompts: AsyncIterable<string>): Promise<number> {
    for await (const text of prompts) {
      const done = this.#command(text);
      if (done === "exit") break;
      if (done === "none" && await this.say(text) !== 0) return INTERRUPTED;
    }
    return 0;
  }

  async interactive({ model }: OpenedChat, name: string): Promise<number> {
    using input = new TerminalInput();
    const { isConversation, maxLength } = this.#chat;
    const count = model.parameters.toLocaleString("en-US");
    tellFaint(`${name}: ${model.type}, ${count} parameters, context ${maxLength} tokens`);
    if (!isConversation) tellFaint("The tokenizer has no chat template: each line is completed, on its own.");
    tellFaint("/help lists the commands");
    while (true) {
      const read = await input.read();
      if ("end" in read) {
        tell("");
        return read.end === "closed" ? 0 : INTERRUPTED;
      }
      const text = read.line.trim();
      if (text === "") continue;
      try {
        const done = this.#command(text);
        if (done === "exit") return 0;
        if (done === "done") continue;
        if (/^\/\w+$/.test(text)) {
          tellFaint(`There is no command ${text}; /help lists them`);
          continue;
        }
        input.isInterrupted = (await this.#answer(text)).end === "stopped";
      } catch (error) {
        // A mistake in one turn does not end the conversation.
        if (!(error instanceof UserError)) throw error;
        tell(`error: ${error.message}`);
      }
    }
  }

  #command(text: string): "done" | "exit" | "none" {
    const [, name, rest = ""] = /^(\/\w+)(?:\s+([^]*))?$/.exec(text.trim()) ?? [];
    switch (name) {
      case "/exit":
      case "/quit":
        return "exit";
      case "/help":
        tell(...HELP);
        return "done";
      case "/reset":
        this.#chat.reset();
        this.#acknowledge("The conversation is forgotten");
        return "done";
      case "/system":
        this.#chat.setSystem(rest.trim());
        this.#acknowledge(rest === "" ? "Begun anew without a system prompt" : "Begun anew with this system prompt");
        return "done";
      default:
        return "none";
    }
  }

  #acknowledge(text: string): void {
    if (Deno.stdin.isTerminal()) tellFaint(text);
  }

  async #answer(text: string): Promise<AnswerReport> {
    const controller = new AbortController();
    const stop = (): void => {
      const now = performance.now();
      if (controller.signal.aborted && now - this.#stoppedAt > SAME_PRESS_MS) Deno.exit(INTERRUPTED);
      if (!controller.signal.aborted) this.#stoppedAt = now;
      controller.abort();
    };
    Deno.addSignalListener("SIGINT", stop);
    try {
      const answer = this.#chat.answer(text, { signal: controller.signal });
      let step = await answer.next();
      for (; !step.done; step = await answer.next()) {
        this.#write(this.#isTerminal ? printable(step.value) : step.value);
      }
      this.#write("\n");
      this.#tell(step.value);
      return step.value;
    } finally {
      Deno.removeSignalListener("SIGINT", stop);
    }
  }

  #tell(report: AnswerReport): void {
    const { end, tokens, promptTokens, freshTokens, firstMs, restMs, forgotten } = report;
    if (forgotten > 0) {
      tellFaint(
        `The context of ${this.#chat.maxLength} tokens is full: the oldest ${formatThings(forgotten, "turn")} ${
          forgotten === 1 ? "is" : "are"
        } forgotten`,
      );
    }
    if (end === "length" && this.#isTerminal) tellFaint(`(cut after ${formatThings(tokens, "token")})`);
    if (end === "stopped") tellFaint(`(stopped after ${formatThings(tokens, "token")})`);
    if (!this.#stats) return;
    const rate = tokens > 1 ? `, ${((tokens - 1) * 1000 / restMs).toFixed(1)} tokens/s` : "";
    tellFaint(
      `${formatThings(tokens, "token")}, first after ${Math.round(firstMs)} ms${rate}; prompt of ${
        formatThings(promptTokens, "token")
      }, ${freshTokens} of them run`,
    );
  }
}
