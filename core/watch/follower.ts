/** Makes a page's parts again and again while someone looks at them, once for all who look. @module */
import { UserError } from "../error.ts";
import { escapeMarkup } from "../report/markup.ts";
import type { PageBlocks } from "../report/run_page.ts";
import { DEADLINE_MS } from "./in_time.ts";

const SILENT = `<p class="card bad">The folder has not answered for some seconds; what is shown is older.</p>`;

/** The parts of a page, made anew as long as someone waits for changes. */
export class Follower {
  readonly #make: () => Promise<PageBlocks>;
  readonly #interval: number;
  readonly #deadline: number;
  #blocks: PageBlocks = {};
  #making: Promise<void> | null = null;
  #madeAt = -Infinity;

  /** `make` makes the parts; it is called at most every `interval` milliseconds, and never twice at once. */
  constructor(make: () => Promise<PageBlocks>, interval: number, deadline: number = DEADLINE_MS) {
    this.#make = make;
    this.#interval = interval;
    this.#deadline = deadline;
  }

  /** The parts as they are now, or were a moment ago; those of before where the folder does not answer. */
  async current(): Promise<PageBlocks> {
    if (performance.now() - this.#madeAt >= this.#interval) this.#making ??= this.#refresh();
    const made = new AbortController();
    const late = pause(this.#deadline, made.signal).then(() => made.signal.aborted);
    const isMade = await Promise.race([this.#making?.then(() => true) ?? true, late]);
    made.abort();
    return isMade ? this.#blocks : { ...this.#blocks, problem: SILENT };
  }

  /**
   * The parts that differ from those in `seen`, as soon as there are any, which are then in `seen` too; none after
   * `milliseconds`, or once the signal is aborted.
   */
  async changes(
    seen: Map<string, string>,
    { signal, milliseconds }: { signal: AbortSignal; milliseconds: number },
  ): Promise<PageBlocks> {
    const end = performance.now() + milliseconds;
    while (!signal.aborted) {
      const changed = Object.entries(await this.current()).filter(([id, html]) => seen.get(id) !== html);
      for (const [id, html] of changed) seen.set(id, html);
      if (changed.length > 0) return Object.fromEntries(changed);
      if (performance.now() >= end) break;
      await pause(Math.min(this.#interval, end - performance.now()), signal);
    }
    return {};
  }

  async #refresh(): Promise<void> {
    try {
      this.#blocks = { ...await this.#make(), problem: "" };
    } catch (error) {
      // A file that is being written, or was damaged, may be whole at the next look.
      if (!(error instanceof UserError)) throw error;
      this.#blocks = { ...this.#blocks, problem: `<p class="card bad">${escapeMarkup(error.message)}</p>` };
    } finally {
      this.#making = null;
      this.#madeAt = performance.now();
    }
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}
