/**
 * What a process that works on a run leaves for those who follow it: log.jsonl, progress.json; and how they stop it.
 * None of it is read back by the run, so that a failure to write it is no failure of the run. @module
 */
import denoConfig from "../../deno.json" with { type: "json" };
import { StoppedError } from "../error.ts";
import type { OnProgress, ProgressEvent } from "../progress.ts";
import { runPaths } from "./run_paths.ts";

/** A line of log.jsonl: one of the three besides `at`. */
export interface LogLine {
  /** When, as ISO 8601 in UTC. */
  at: string;
  /** A process began to work on the run, and with what. */
  begin?: { dnpo: string; deno: string; system: string };
  /** What it noted. */
  note?: string;
  /** It ended. */
  end?: "done" | "stopped" | "failed";
  /** The error that it ended with. */
  problem?: string;
}

/** What progress.json holds. */
export interface RunProgress extends ProgressEvent {
  /** When it was written, as ISO 8601 in UTC. */
  at: string;
  /** Seconds since this process began the stage. */
  seconds: number;
  /** What of `done` was there before. */
  before: number;
  /** Tokens per second, over the last seconds; absent where none are counted. */
  tokens_per_second?: number;
  /** Bytes that the device holds. */
  device_bytes?: number;
}

/** Milliseconds between two states of progress.json, and between two looks for a wish to stop. */
const INTERVAL_MS = 1000;

/** Over how many milliseconds tokens per second are measured, at least. */
const RATE_MS = 4000;

/** The callbacks of a run's caller that the journal stands between. */
export interface JournalHooks {
  /** Gets the progress of long work. */
  onProgress?: OnProgress;
  /** Gets lines worth reading. */
  onNote?: (line: string) => void;
  /** Stops the run where it is aborted. */
  signal?: AbortSignal;
  /** Aborted where the run's page wishes that it stops; `signal` follows it then. By default one of the journal's own. */
  stop?: AbortController;
}

interface Begun {
  stage: string;
  iteration: number | undefined;
  at: number;
  before: number;
}

/** The record of a process at work. Dispose of it at the end. */
export class RunJournal {
  /** As the caller's, and kept in progress.json. */
  readonly onProgress: OnProgress;
  /** As the caller's, and kept in log.jsonl. */
  readonly onNote: (line: string) => void;
  /** The caller's, or a wish to stop. */
  readonly signal: AbortSignal;
  readonly #paths: ReturnType<typeof runPaths>;
  readonly #stop: AbortController;
  readonly #timer: ReturnType<typeof setInterval>;
  #device: { readonly bytes: number } | null = null;
  #writing: Promise<unknown> = Promise.resolve();
  #begun: Begun | null = null;
  #rate: { at: number; tokens: number; perSecond?: number } = { at: 0, tokens: 0 };
  #shownAt = -Infinity;

  private constructor(folder: string, { onProgress, onNote, signal, stop }: JournalHooks) {
    this.#paths = runPaths(folder);
    this.#stop = stop ?? new AbortController();
    this.onProgress = (event) => {
      this.#note(event);
      onProgress?.(event);
    };
    this.onNote = (note) => {
      this.#log({ note });
      onNote?.(note);
    };
    this.signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    this.#timer = setInterval(() => this.#lookForStop(), INTERVAL_MS);
  }

  /** Begins the record of work in a folder that this process has locked; `before` is what it has noted so far. */
  static async open(folder: string, hooks: JournalHooks, before: readonly string[] = []): Promise<RunJournal> {
    // A wish that an earlier process did not live to see is not meant for this one.
    const { stop, progress } = runPaths(folder);
    for (const path of [stop, progress]) await Deno.remove(path).catch(() => {});
    const journal = new RunJournal(folder, hooks);
    journal.#log({
      begin: { dnpo: denoConfig.version, deno: Deno.version.deno, system: `${Deno.build.os} ${Deno.build.arch}` },
    });
    for (const note of before) journal.#log({ note });
    return journal;
  }

  /** A stage is done: of what follows, nothing is taken for it, and what was noted is written. */
  async endStage(): Promise<void> {
    this.#begun = null;
    this.#shownAt = -Infinity;
    this.#later(() => Deno.remove(this.#paths.progress));
    await this.#writing;
  }

  /** Notes the memory of `device` from now on, until what is returned is disposed of. */
  watch(device: { readonly bytes: number }): Disposable {
    this.#device = device;
    return { [Symbol.dispose]: () => this.#device = null };
  }

  /** Does the work, and logs how it ended. */
  async follow<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      this.#log({ end: "done" });
      return result;
    } catch (error) {
      if (error instanceof StoppedError) this.#log({ end: "stopped" });
      else this.#log({ end: "failed", problem: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  /** Ends the record: what is to be written is written, and what only a process at work has is removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const { progress, stop } = this.#paths;
    for (const path of [progress, stop]) this.#later(() => Deno.remove(path));
    await this.#writing;
  }

  #later(work: () => Promise<unknown>): void {
    this.#writing = this.#writing.then(work).catch(() => {});
  }

  #log(line: Omit<LogLine, "at">): void {
    const text = JSON.stringify({ at: new Date().toISOString(), ...line }) + "\n";
    this.#later(() => Deno.writeTextFile(this.#paths.log, text, { append: true }));
  }

  #lookForStop(): void {
    if (this.#stop.signal.aborted) return;
    this.#later(async () => {
      await Deno.stat(this.#paths.stop);
      this.onNote("Stopping after the step at hand, as the run's page asks");
      this.#stop.abort();
    });
  }

  #note(event: ProgressEvent): void {
    const now = performance.now();
    const { stage, iteration, done, total, tokens } = event;
    if (this.#begun?.stage !== stage || this.#begun.iteration !== iteration || done < this.#begun.before) {
      this.#begun = { stage, iteration, at: now, before: done };
      this.#rate = { at: now, tokens: tokens ?? 0 };
    }
    if (tokens !== undefined && (now - this.#rate.at >= RATE_MS || done >= total) && now > this.#rate.at) {
      const perSecond = (tokens - this.#rate.tokens) / (now - this.#rate.at) * 1000;
      this.#rate = { at: now, tokens, perSecond };
    }
    if (now - this.#shownAt < INTERVAL_MS) return;
    this.#shownAt = now;
    const perSecond = tokens === undefined
      ? undefined
      : this.#rate.perSecond ?? (tokens - this.#rate.tokens) / Math.max(1, now - this.#rate.at) * 1000;
    const state: RunProgress = {
      at: new Date().toISOString(),
      ...event,
      seconds: (now - this.#begun.at) / 1000,
      before: this.#begun.before,
      ...(perSecond !== undefined && { tokens_per_second: perSecond }),
      ...(this.#device !== null && { device_bytes: this.#device.bytes }),
    };
    const { progress } = this.#paths;
    this.#later(async () => {
      await Deno.writeTextFile(`${progress}.tmp`, JSON.stringify(state) + "\n");
      await Deno.rename(`${progress}.tmp`, progress);
    });
  }
}
