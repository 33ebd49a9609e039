/** The input of `dnpo chat`: typed lines with history, or the lines of a pipe. @module */
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { styleText } from "node:util";
import { tell } from "./print.ts";

/** A line, or how the input ended. */
export type Input = { line: string } | { end: "closed" | "interrupted" };

/** Reads lines from a terminal. It is in raw mode only while a line is waited for; otherwise Ctrl-C is a signal. */
export class TerminalInput {
  readonly #reader: Interface;
  /** Lines that came together with an earlier one, as pasted lines do. */
  readonly #waiting: string[] = [];
  #isClosed = false;
  #resolve: ((input: Input) => void) | undefined;
  /** Whether the last key was a Ctrl-C: a second one leaves. */
  isInterrupted = false;

  constructor() {
    this.#reader = createInterface({
      input: process.stdin,
      output: Deno.stdout.isTerminal() ? process.stdout : process.stderr,
      terminal: true,
      removeHistoryDuplicates: true,
      prompt: Deno.noColor ? "> " : styleText(["bold", "cyan"], "> ", { validateStream: false }),
    });
    this.#pause();
    this.#reader.on("line", (line) => {
      this.isInterrupted = false;
      if (this.#resolve === undefined) this.#waiting.push(line);
      else this.#answer({ line });
    });
    this.#reader.on("SIGINT", () => {
      if (this.isInterrupted) return this.#answer({ end: "interrupted" });
      this.isInterrupted = true;
      tell("", "Ctrl-C once more, Ctrl-D or /exit leaves");
      this.#reader.prompt();
    });
    this.#reader.on("close", () => {
      this.#isClosed = true;
      this.#answer({ end: "closed" });
    });
  }

  /** Waits for a line. `closed` is Ctrl-D, `interrupted` a second Ctrl-C. */
  read(): Promise<Input> {
    const line = this.#waiting.shift();
    if (line !== undefined) return Promise.resolve({ line });
    if (this.#isClosed) return Promise.resolve({ end: "closed" });
    const { promise, resolve } = Promise.withResolvers<Input>();
    this.#resolve = resolve;
    process.stdin.setRawMode(true);
    this.#reader.prompt();
    return promise;
  }

  /** Restores the terminal. */
  [Symbol.dispose](): void {
    this.#reader.close();
  }

  #answer(input: Input): void {
    this.#pause();
    this.#resolve?.(input);
    this.#resolve = undefined;
  }

  #pause(): void {
    if (this.#isClosed) return;
    this.#reader.pause();
    process.stdin.setRawMode(false);
  }
}

/** The lines of standard input that are not blank; with `whole`, all of it as one prompt. */
export async function* pipedPrompts({ whole }: { whole: boolean }): AsyncGenerator<string> {
  if (whole) {
    const text = await new Response(Deno.stdin.readable).text();
    if (text.trim() !== "") yield text.replace(/\r?\n$/, "");
    return;
  }
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    if (line.trim() !== "") yield line;
  }
}
