/** Progress of long work on standard error: a rewritten line on a terminal, elsewhere a plain line at times. @module */
import { styleText } from "node:util";
import { COMPILE_STAGE, formatSize, type ProgressEvent, WARNING } from "../core/progress.ts";
import { plainNumber } from "../core/report/format_numbers.ts";
import { safeLine } from "../core/safe_text.ts";
import { formatCount } from "./format_units.ts";
import { ExpectedRest, type ExpectedStage } from "./expected_rest.ts";
import { writeToStderr } from "./print.ts";
import { RunRest } from "./run_rest.ts";
import { terminalColumns } from "./terminal_columns.ts";
import { movesCursor } from "./terminal_kind.ts";
import { columnsOf, wrapText } from "./wrap_text.ts";

/** Where progress is shown; the defaults are this process's standard error. */
export interface ProgressOptions {
  /** Whether nothing is shown but warnings. */
  quiet?: boolean;
  /** Writes text as it is. */
  write?: (text: string) => void;
  /** Iterations of the run, if it has several: what is left of all of them is shown then. */
  iterations?: number;
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
  /** Seconds until all ends that the stage is a part of, if the stage ends in so many; null if that is not known. */
  wholeRest?: (stageRest: number) => number | null;
  /** What that is (default `the run`). */
  whole?: string;
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

/** One line: stage, iteration, done/total, tokens or bytes per second, time left of stage and run, loss. */
export function formatProgress(event: ProgressEvent, pace: Pace): string {
  const { stage, iteration, done, total, unit, tokens, totalTokens, loss, evalLoss } = event;
  const count = unit === "bytes" ? formatSize : formatCount;
  const parts = [iteration === undefined ? stage : `iteration ${iteration} ${stage}`, `${count(done)}/${count(total)}`];
  if (tokens !== undefined && pace.seconds > 0) parts.push(`${formatCount(pace.tokens / pace.seconds)} tok/s`);
  if (unit === "bytes" && pace.seconds > 0 && pace.done > 0) parts.push(`${formatSize(pace.done / pace.seconds)}/s`);
  if (done >= total) parts.push(`done in ${formatDuration(pace.seconds)}`);
  else if (pace.done > 0 && pace.seconds >= ESTIMATE_S) {
    const rest = pace.seconds *
      (totalTokens !== undefined && tokens !== undefined && pace.tokens > 0
        ? (totalTokens - tokens) / pace.tokens
        : (total - done) / pace.done);
    const whole = pace.wholeRest?.(rest) ?? null;
    const ofWhole = whole === null ? "" : `, ${formatDuration(whole)} of ${pace.whole ?? "the run"}`;
    parts.push(`${formatDuration(rest)} left${ofWhole}`);
  }
  if (loss !== undefined) parts.push(`loss ${plainNumber(loss, false)}`);
  if (evalLoss !== undefined) parts.push(`eval loss ${plainNumber(evalLoss, false)}`);
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
  /** Whether the line of a stage that is over was ended for a note below it. */
  #isOver = false;
  readonly #rest: RunRest | null;
  #expected: ExpectedRest | null = null;

  constructor(options: ProgressOptions = {}) {
    this.#quiet = options.quiet ?? false;
    this.#write = options.write ?? writeToStderr;
    this.#isTerminal = options.isTerminal ?? movesCursor(Deno.stderr);
    this.#columns = options.columns ?? (() => terminalColumns(Deno.stderr, 80));
    this.#now = options.now ?? (() => performance.now());
    this.#rest = options.iterations === undefined ? null : new RunRest(options.iterations);
  }

  /** Tells which stages follow: what is left of all of them is shown then. */
  expect(stages: readonly ExpectedStage[]): void {
    this.#expected = new ExpectedRest(stages);
  }

  /** Keeps an event, and shows it if it is the stage's first or last, or the last shown one is old enough. */
  update(event: ProgressEvent): void {
    if (this.#quiet) return;
    const now = this.#now();
    // It is a part of the stage within which it is told.
    if (event.stage !== COMPILE_STAGE) {
      this.#rest?.see(event, now / 1000);
      this.#expected?.see(event.stage, now / 1000);
    }
    const first = this.#first;
    if (!first || first.stage !== event.stage || first.iteration !== event.iteration) {
      this.finish();
      this.#first = event;
      this.#firstAt = now;
    }
    this.#latest = event;
    this.#latestAt = now;
    if (event.done < event.total) this.#isOver = false;
    // A stage that is told once more that it is over has its last line already.
    else if (this.#isOver) this.#shown = event;
    if (this.#isOver) return;
    const interval = this.#isTerminal ? TERMINAL_MS : PLAIN_MS;
    if (!this.#shown || event.done >= event.total || now - this.#shownAt >= interval) this.#show(event, now);
  }

  /** Writes a line of text that stays, above the progress; a warning also where all else is hidden. */
  note(text: string): void {
    if (this.#quiet && !text.startsWith(WARNING)) return;
    const latest = this.#latest;
    if (this.#open && latest !== undefined && latest === this.#shown && latest.done >= latest.total) {
      // What is over does not change any more: the note goes below it.
      this.#write("\n");
      this.#open = false;
      this.#isOver = true;
    }
    const safe = safeLine(text);
    // A terminal would break a long line within a word.
    const line = this.#isTerminal ? wrapText(safe, this.#columns(), { indent: 2 }).join("\n") : safe;
    this.#write(this.#open ? `\r\x1b[K${line}\n` : `${line}\n`);
    if (this.#open && this.#latest) this.#show(this.#latest, this.#latestAt);
  }

  /** Writes a line of text that stays, below the stage whose result it is; a next one begins a line of its own. */
  result(text: string): void {
    this.finish();
    this.note(text);
  }

  /** Shows the last event if it was not shown yet, and ends the line. */
  finish(): void {
    if (this.#latest && this.#latest !== this.#shown) this.#show(this.#latest, this.#latestAt);
    if (this.#open) this.#write("\n");
    this.#open = this.#isOver = false;
    this.#first = this.#latest = this.#shown = undefined;
  }

  #show(event: ProgressEvent, now: number): void {
    const first = this.#first ?? event;
    const text = formatProgress(event, {
      seconds: (now - this.#firstAt) / 1000,
      done: event.done - first.done,
      tokens: (event.tokens ?? 0) - (first.tokens ?? 0),
      wholeRest: (stageRest) => this.#expected?.rest(stageRest) ?? this.#rest?.rest(event, stageRest) ?? null,
      ...(this.#expected && { whole: "all" }),
    });
    // Stages name models and repositories.
    const line = safeLine(text);
    this.#shown = event;
    this.#shownAt = now;
    if (!this.#isTerminal) return this.#write(`${line}\n`);
    // A full line would wrap, and could not be rewritten.
    const bar = this.#rest === null || event.stage === COMPILE_STAGE ? "" : `${formatBar(this.#rest.share(event))} `;
    const fitted = fitParts(line, bar, Math.max(this.#columns() - 1, 1));
    this.#write(`\r${Deno.noColor ? fitted : styleText("dim", fitted, { validateStream: false })}\x1b[K`);
    this.#open = true;
  }
}

/** A share from 0 to 1 as a bar of ten cells. */
function formatBar(share: number): string {
  const full = Math.max(0, Math.min(10, Math.floor(10 * share)));
  return "█".repeat(full) + "░".repeat(10 - full);
}

/** A stage's name that is shortened to less than this many columns tells nothing. */
const LEAST_NAME = 8;

/**
 * The parts of a line that fit, each of them whole, behind the bar: the last ones are left out first, then the bar; where
 * not even stage and count fit, the stage's name is shortened, or the count left out.
 */
function fitParts(line: string, bar: string, columns: number): string {
  const parts = line.split("  ");
  for (let count = parts.length; count > 1; count--) {
    const fitted = bar + parts.slice(0, count).join("  ");
    if (columnsOf(fitted) <= columns) return fitted;
  }
  const [name = "", count = ""] = parts;
  const both = `${name}  ${count}`;
  if (columnsOf(both) <= columns) return both;
  const room = columns - columnsOf(count) - 2;
  return room >= LEAST_NAME ? `${shortened(name, room)}  ${count}` : shortened(name, columns);
}

/** A text in at most so many columns, with `…` for its end. */
function shortened(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  const letters = [...text];
  while (letters.length > 0 && columnsOf(letters.join("")) > columns - 1) letters.pop();
  return `${letters.join("")}…`;
}
