/** The input of `dnpo chat`: typed lines with history, or the lines of a pipe. @module */
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { PassThrough } from "node:stream";
import { styleText } from "node:util";
import { tell } from "./print.ts";
import { showsColors } from "./terminal_kind.ts";

/** A line, or how the input ended. */
export type Input = { line: string } | { end: "closed" | "interrupted" };

/**
 * Reads lines from a terminal. While a line is waited for it is in raw mode. Otherwise Ctrl-C is a signal, and what is
 * typed is not shown, which would mix it into an answer, but waits and appears at the next prompt; Ctrl-C discards it.
 */
export class TerminalInput {
  readonly #reader: Interface;
  /** What the line reader gets: one line at a time, as it would show a second one before the first is answered. */
  readonly #keys = new PassThrough();
  readonly #decoder = new TextDecoder();
  #typed = "";
  /** Whether the line reader has the end of the line that is waited for. */
  #isFed = false;
  #isClosed = false;
  #resolve: ((input: Input) => void) | undefined;
  /** Whether the last key was a Ctrl-C: a second one leaves. */
  isInterrupted = false;

  constructor() {
    // Also where the process ends in the middle of an answer.
    addEventListener("unload", restore);
    this.#reader = createInterface({
      input: this.#keys,
      output: Deno.stdout.isTerminal() ? process.stdout : process.stderr,
      terminal: true,
      removeHistoryDuplicates: true,
      prompt: showsColors(Deno.stdout.isTerminal() ? Deno.stdout : Deno.stderr)
        ? styleText(["bold", "cyan"], "> ", { validateStream: false })
        : "> ",
    });
    this.#pause();
    process.stdin.on("data", (bytes: Uint8Array) => {
      this.#typed += this.#decoder.decode(bytes, { stream: true });
      this.#feed();
    });
    process.stdin.on("end", () => this.#keys.end());
    this.#reader.on("line", (line) => {
      this.isInterrupted = false;
      this.#answer({ line });
    });
    this.#reader.on("SIGINT", () => {
      if (this.isInterrupted) return this.#answer({ end: "interrupted" });
      this.isInterrupted = true;
      tell("", "To leave, press Ctrl-C once more or Ctrl-D, or type /exit");
      this.#reader.prompt();
    });
    this.#reader.on("close", () => {
      this.#isClosed = true;
      this.#answer({ end: "closed" });
    });
  }

  /** Waits for a line. `closed` is Ctrl-D, `interrupted` a second Ctrl-C. */
  read(): Promise<Input> {
    if (this.#isClosed) return Promise.resolve({ end: "closed" });
    const { promise, resolve } = Promise.withResolvers<Input>();
    this.#resolve = resolve;
    this.#isFed = false;
    process.stdin.setRawMode(true);
    process.stdin.resume();
    this.#reader.prompt();
    this.#feed();
    return promise;
  }

  /** Restores the terminal. */
  [Symbol.dispose](): void {
    this.#reader.close();
    process.stdin.pause();
    restore();
    removeEventListener("unload", restore);
  }

  #feed(): void {
    if (this.#resolve === undefined || this.#isFed || this.#typed === "") return;
    const end = /\r\n?|\n/.exec(this.#typed);
    const length = end === null ? this.#typed.length : end.index + end[0].length;
    this.#isFed = end !== null;
    this.#keys.write(this.#typed.slice(0, length));
    this.#typed = this.#typed.slice(length);
  }

  #answer(input: Input): void {
    this.#pause();
    this.#resolve?.(input);
    this.#resolve = undefined;
  }

  #pause(): void {
    process.stdin.pause();
    hush();
  }
}

/** Keys are neither shown nor gathered into lines, but Ctrl-C is a signal. Windows cannot have the one without the other. */
function hush(): void {
  if (Deno.build.os === "windows") process.stdin.setRawMode(false);
  else Deno.stdin.setRaw(true, { cbreak: true });
}

function restore(): void {
  process.stdin.setRawMode(false);
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
