/** A talk with a model, or with two beside each other: its answers and its commands. @module */
import { counted } from "../../core/counted.ts";
import { UserError } from "../../core/error.ts";
import type { AnswerReport, Chat } from "../../core/generate/conversation.ts";
import type { OpenedChat } from "../../core/generate/open_chat.ts";
import { printable } from "../../core/safe_text.ts";
import { CHAT_HELP, CHAT_SETTINGS, readChatLine } from "../chat_commands.ts";
import { TerminalInput } from "../chat_input.ts";
import { Transcript } from "../chat_transcript.ts";
import { readSampling } from "../config_flags.ts";
import { formatCount } from "../format_units.ts";
import { tell, tellFaint } from "../print.ts";
import { sideBySide } from "../side_by_side.ts";
import { outputColumns } from "../text_table.ts";

/** Two signals within this many milliseconds are one key press, passed on twice by a task runner. */
const SAME_PRESS_MS = 250;
const INTERRUPTED = 130;

/** A model that answers, by the name that was typed. */
interface Side {
  name: string;
  chat: Chat;
}

/** What a talk is made of. */
export interface TalkOptions {
  /** The model's name as it was typed. */
  name: string;
  opened: OpenedChat;
  /** System prompt that the model was opened with. */
  system: string | undefined;
  /** Whether counts and times are told after each answer. */
  stats: boolean;
  /** Writes an answer as it is. */
  write: (text: string) => void;
  /** Opens a second model, with the settings and the system prompt of the first. */
  open: (name: string, like: { settings: Chat["settings"]; system: string | undefined }) => Promise<OpenedChat>;
}

/** A talk; what it opened beside the first model is closed with it. */
export class Talk implements Disposable {
  readonly #options: TalkOptions;
  readonly #first: Side;
  #second: (Side & { opened: OpenedChat }) | null = null;
  #system: string | undefined;
  readonly #said = new Transcript();
  readonly #isTerminal = Deno.stdout.isTerminal();
  #stoppedAt = -Infinity;

  constructor(options: TalkOptions) {
    this.#options = options;
    this.#first = { name: options.name, chat: options.opened.chat };
    this.#system = options.system;
    this.#said.begin(options.system);
  }

  /** Frees the second model. */
  [Symbol.dispose](): void {
    this.#second?.opened[Symbol.dispose]();
  }

  /** Prints one answer, and nothing else, on standard output. Returns the exit code. */
  async say(text: string): Promise<number> {
    return (await this.#answer(text)).end === "stopped" ? INTERRUPTED : 0;
  }

  /** Carries out every line, a command or a prompt. Throws a UserError for the first that cannot be. Returns the exit code. */
  async pipe(lines: AsyncIterable<string>): Promise<number> {
    for await (const line of lines) {
      const done = await this.#line(line);
      if (done === "exit") break;
      if (done === "stopped") return INTERRUPTED;
    }
    return 0;
  }

  /** Reads lines from a terminal until the user leaves. Returns the exit code. */
  async interactive(): Promise<number> {
    using input = new TerminalInput();
    const { opened: { model }, name } = this.#options;
    const { isConversation, maxLength } = this.#first.chat;
    tellFaint(
      `${name}: ${model.type}, ${formatCount(model.parameters)} parameters, context of ${
        formatCount(maxLength)
      } tokens`,
    );
    if (!isConversation) tellFaint("The tokenizer has no chat template, so each line is completed by itself.");
    tellFaint("/help lists the commands.");
    while (true) {
      const read = await input.read();
      if ("end" in read) {
        tell("");
        return read.end === "closed" ? 0 : INTERRUPTED;
      }
      if (read.line.trim() === "") continue;
      try {
        const done = await this.#line(read.line.trim());
        if (done === "exit") return 0;
        input.isInterrupted = done === "stopped";
      } catch (error) {
        // A mistake in one turn does not end the conversation.
        if (!(error instanceof UserError)) throw error;
        tell(`error: ${error.message}`);
      }
    }
  }

  async #line(text: string): Promise<"done" | "stopped" | "exit"> {
    const line = readChatLine(text);
    if ("prompt" in line) return (await this.#answer(line.prompt)).end === "stopped" ? "stopped" : "done";
    if ("setting" in line) await this.#set(line.setting, line.rest.trim());
    else if (line.command === "exit" || line.command === "quit") return "exit";
    else await this.#command(line.command, line.rest.trim());
    return "done";
  }

  async #command(command: "help" | "reset" | "system" | "save" | "compare", rest: string): Promise<void> {
    if (command === "help") tell(...CHAT_HELP);
    else if (command === "reset") {
      this.#begin();
      this.#acknowledge("The conversation is forgotten.");
    } else if (command === "system") {
      const system = rest === "" ? undefined : rest;
      // One that cannot take it throws before the other has taken it.
      const sides = this.#sides().toSorted((a, b) => Number(a.chat.isConversation) - Number(b.chat.isConversation));
      for (const { chat } of sides) chat.setSystem(rest);
      this.#system = system;
      this.#begin();
      this.#acknowledge(
        system === undefined ? "Begun anew, without a system prompt." : "Begun anew, with this system prompt.",
      );
    } else if (command === "save") {
      const models = this.#sides().map(({ name }) => name);
      const { isConversation } = this.#first.chat;
      const turns = await this.#said.save(rest, { models, isConversation });
      this.#acknowledge(`Saved ${counted(turns, isConversation ? "turn" : "completion")} to ${rest}.`);
    } else await this.#compare(rest);
  }

  async #compare(name: string): Promise<void> {
    if (name === "" && this.#second === null) {
      throw new UserError("Cannot compare: no model is named, expected /compare MODEL, a folder, a run's, or org/name");
    }
    const like = { settings: this.#first.chat.settings, system: this.#system };
    // The new one is opened first: where that fails, all stays as it is.
    const opened = name === "" ? null : await this.#options.open(name, like);
    this.#second?.opened[Symbol.dispose]();
    this.#second = opened === null ? null : { name, chat: opened.chat, opened };
    // Both count their answers from the same one on.
    this.#first.chat.set({ seed: like.settings.seed });
    this.#begin();
    this.#acknowledge(
      opened === null
        ? "Begun anew, with one model."
        : `Begun anew: ${this.#first.name} and ${name} answer beside each other.`,
    );
  }

  async #set(command: string, value: string): Promise<void> {
    const { name, flag } = CHAT_SETTINGS[command]!;
    if (value !== "") {
      const read = (await readSampling(flag, value, `/${command}`))[name];
      for (const { chat } of this.#sides()) chat.set({ [name]: read });
    }
    const now = `${command}: ${this.#first.chat.settings[name]}`;
    // Who asks for a value gets it in a pipe too.
    if (value === "") tell(now);
    else this.#acknowledge(now);
  }

  #sides(): Side[] {
    return this.#second === null ? [this.#first] : [this.#first, this.#second];
  }

  #begin(): void {
    for (const { chat } of this.#sides()) chat.reset();
    this.#said.begin(this.#system);
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
      return await (this.#second === null ? this.#one(text, controller) : this.#both(text, controller));
    } finally {
      Deno.removeSignalListener("SIGINT", stop);
    }
  }

  /** Writes the model's answer as it comes. */
  async #one(text: string, { signal }: AbortController): Promise<AnswerReport> {
    const { write } = this.#options;
    const { said, report } = await collect(this.#first.chat, text, signal, (piece) => {
      write(this.#isTerminal ? printable(piece) : piece);
    });
    write("\n");
    this.#said.add(text, [said]);
    this.#tell(report);
    return report;
  }

  /** Writes the answers of both models beside each other, once both are there. */
  async #both(text: string, { signal }: AbortController): Promise<AnswerReport> {
    const { write } = this.#options;
    // Where one cannot answer, neither does, so that both remember the same turns.
    for (const { chat } of this.#sides()) chat.check(text);
    const answers = [];
    for (const { name, chat } of this.#sides()) answers.push({ name, ...await collect(chat, text, signal) });
    const [names, texts] = [answers.map(({ name }) => name), answers.map(({ said }) => said)];
    write(
      this.#isTerminal
        ? sideBySide(names, texts, outputColumns())
        : texts.map((said, i) => `${"AB"[i]}: ${said}\n`).join(""),
    );
    this.#said.add(text, texts);
    for (const { name, report } of answers) this.#tell(report, `${name}: `);
    const reports = answers.map(({ report }) => report);
    return reports.find(({ end }) => end === "stopped") ?? reports[0]!;
  }

  #tell(report: AnswerReport, before = ""): void {
    const { end, tokens, promptTokens, freshTokens, firstMs, restMs, forgotten } = report;
    if (forgotten > 0) {
      const { maxLength } = this.#first.chat;
      tellFaint(
        `${before}The context of ${maxLength} tokens is full: the oldest ${counted(forgotten, "turn")} ${
          forgotten === 1 ? "is" : "are"
        } forgotten`,
      );
    }
    if (end === "length" && this.#isTerminal) tellFaint(`${before}(cut after ${counted(tokens, "token")})`);
    if (end === "stopped") tellFaint(`${before}(stopped after ${counted(tokens, "token")})`);
    if (!this.#options.stats) return;
    const rate = tokens > 1 ? `, ${((tokens - 1) * 1000 / restMs).toFixed(1)} tokens/s` : "";
    tellFaint(
      `${before}${counted(tokens, "token")}, first after ${Math.round(firstMs)} ms${rate}; prompt of ${
        counted(promptTokens, "token")
      }, ${freshTokens} of them computed`,
    );
  }
}

/** A whole answer and its report; `onPiece` gets the text as it comes. */
async function collect(
  chat: Chat,
  text: string,
  signal: AbortSignal,
  onPiece: (piece: string) => void = () => {},
): Promise<{ said: string; report: AnswerReport }> {
  const answer = chat.answer(text, { signal });
  let said = "";
  let step = await answer.next();
  for (; !step.done; step = await answer.next()) {
    said += step.value;
    onPiece(step.value);
  }
  return { said, report: step.value };
}
