/** Progress of long work on standard error: a rewritten line on a terminal, elsewhere a plain line at times. @module */
import { styleText } from "node:util";
import { formatSize, type ProgressEvent } from "../core/progress.ts";
import { maskCredentials, printable } from "../core/safe_text.ts";
import { ClosedOutput, print } from "./print.ts";

/** Where progress is shown; the defaults are this process's standard error. */
export interface ProgressOptions {
  /** Whether nothing is shown. */
  quiet?: boolean;
  /** Writes text as it is. */
  write?: (text: string) => void;
  /** Whether a line can be rewritten. */
  isTerminal?: boolean;
  /** Columns of the terminal. */
  columns?: () => number;
  /** Milliseconds on a clock that never goes back. */
  now?: () => number;
}

/** Pace of a stage since this process began or resumed it. */
export interface Pace {
  /** Seconds since then. */
  seconds: number;
  /** Rows, steps or bytes done since then. */
  done: number;
  /** Tokens since then. */
  tokens: number;
}

const TERMINAL_MS = 100;
const PLAIN_MS = 10_000;
/** Before so many seconds the pace tells little of the time left. */
const ESTIMATE_S = 1;

/** Seconds in words: `8s`, `3m 20s`, `2h 05m`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
}

/** One line: stage, iteration, done/total, tokens or bytes per second, time left, loss. */
export function formatProgress(event: ProgressEvent, pace: Pace): string {
  const { stage, iteration, done, total, unit, tokens, loss } = event;
  const plain = (n: number) => Math.round(n).toLocaleString("en-US");
  const count = unit === "bytes" ? formatSize : plain;
  const parts = [iteration === undefined ? stage : `iteration ${iteration} ${stage}`, `${count(done)}/${count(total)}`];
  if (tokens !== undefined && pace.seconds > 0) parts.push(`${plain(pace.tokens / pace.seconds)} tok/s`);
  if (unit === "bytes" && pace.seconds > 0 && pace.done > 0) parts.push(`${formatSize(pace.done / pace.seconds)}/s`);
  if (done >= total) parts.push(`done in ${formatDuration(pace.seconds)}`);
  else if (pace.done > 0 && pace.seconds >= ESTIMATE_S) {
    parts.push(`${formatDuration((total - done) * pace.seconds / pace.done)} left`);
  }
  if (loss !== undefined) parts.push(`loss ${loss.toFixed(4)}`);
  return parts.join("  ");
}

/** Shows progress. Call `update` as often as is handy, and `finish` at the end, also after an error. */
export class Progress {
  readonly #quiet: boolean;
  readonly #write: (text: string) => void;
  readonly #isTerminal: boolean;
  readonly #columns: () => number;
  readonly #now: () => number;
  #first: ProgressEvent | undefined;
  #firstAt = 0;
  #latest: ProgressEvent | undefined;
  #latestAt = 0;
  #shown: ProgressEvent | undefined;
  #shownAt = 0;
  #open = false;

  constructor(options: ProgressOptions = {}) {
    this.#quiet = options.quiet ?? false;
    this.#write = options.write ?? writeToStderr;
    this.#isTerminal = options.isTerminal ?? Deno.stderr.isTerminal();
    this.#columns = options.columns ?? consoleColumns;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Keeps an event, and shows it if it is the stage's first or last, or the last shown one is old enough. */
  update(event: ProgressEvent): void {
    if (this.#quiet) return;
    const now = this.#now();
    const first = this.#first;
    if (!first || first.stage !== event.stage || first.iteration !== event.iteration) {
      this.finish();
      this.#first = event;
      this.#firstAt = now;
    }
    this.#latest = event;
    this.#latestAt = now;
    const interval = this.#isTerminal ? TERMINAL_MS : PLAIN_MS;
    if (!this.#shown || event.done >= event.total || now - this.#shownAt >= interval) this.#show(event, now);
  }

  /** Writes a line of text that stays, above the progress. */
  note(text: string): void {
    if (this.#quiet) return;
    const line = maskCredentials(printable(text));
    this.#write(this.#open ? `\r\x1b[K${line}\n` : `${line}\n`);
    if (this.#open && this.#latest) this.#show(this.#latest, this.#latestAt);
  }

  /** Shows the last event if it was not shown yet, and ends the line. */
  finish(): void {
    if (this.#latest && this.#latest !== this.#shown) this.#show(this.#latest, this.#latestAt);
    if (this.#open) this.#write("\n");
    this.#open = false;
    this.#first = this.#latest = this.#shown = undefined;
  }

  #show(event: ProgressEvent, now: number): void {
    const first = this.#first ?? event;
    const line = formatProgress(event, {
      seconds: (now - this.#firstAt) / 1000,
      done: event.done - first.done,
      tokens: (event.tokens ?? 0) - (first.tokens ?? 0),
    });
    this.#shown = event;
    this.#shownAt = now;
    if (!this.#isTerminal) return this.#write(`${line}\n`);
    // A full line would wrap, and could not be rewritten.
    const fitted = line.slice(0, Math.max(this.#columns() - 1, 1));
    this.#write(`\r${Deno.noColor ? fitted : styleText("dim", fitted, { validateStream: false })}\x1b[K`);
    this.#open = true;
  }
}

function writeToStderr(text: string): void {
  try {
    print(Deno.stderr)(text);
  } catch (error) {
    // A run goes on where nobody looks.
    if (!(error instanceof ClosedOutput)) throw error;
  }
}

function consoleColumns(): number {
  try {
    // Some pseudo terminals report 0.
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}
