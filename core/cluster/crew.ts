/**
 * The first rank leads: it alone runs the work as one process would, reads and writes the run's files, and tells the
 * others what to do beside it. The others wait for the next task. @module
 */
import type { Transport } from "./transport.ts";

/** What the other ranks are told to do: plain data, and which kind of task it is. */
export interface Task {
  readonly task: string;
  readonly [key: string]: unknown;
}

/** What stands in place of a task's length: there is nothing to do yet, or there are no more tasks. */
const NOTHING_YET = 0;
const END = 0xffffffff;

/** Seconds after which the others hear that there is nothing to do yet. */
const BEAT_SECONDS = 20;

/** How a {@linkcode Crew} is led. */
export interface CrewOptions {
  /** Most token ids of a task that can be cut (default 2,000,000): every rank holds them as text and as numbers. */
  taskIds?: number;
}

/** The first rank's side. */
export class Crew {
  readonly transport: Transport;
  /** Most token ids of a task that can be cut. */
  readonly taskIds: number;
  /** The names of all ranks' devices, in their order; empty until they have told of them. */
  devices: readonly string[] = [];
  readonly #beat: ReturnType<typeof setInterval>;
  #turn: Promise<unknown> = Promise.resolve();
  #isBroken = false;
  #isEnded = false;

  /** Takes the first rank's transport. The others must call {@linkcode nextTask} until it returns null. */
  constructor(transport: Transport, { taskIds = 2_000_000 }: CrewOptions = {}) {
    this.transport = transport;
    this.taskIds = taskIds;
    let isBeating = false;
    // Whoever waits for this rank ends the job after the transport's timeout; this one may have long work of its own.
    this.#beat = setInterval(async () => {
      if (isBeating || this.#isBroken) return;
      isBeating = true;
      await this.#inTurn(() => sendWord(transport, NOTHING_YET)).catch(() => {});
      isBeating = false;
    }, 1000 * Math.min(BEAT_SECONDS, transport.timeout / 4));
  }

  /** Whether something failed while the others worked, so that they wait for what does not come. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Gives the others a task, and does this rank's part of it beside them. */
  async together<T>(task: Task, work: () => Promise<T>): Promise<T> {
    return await this.#inTurn(async () => {
      await sendTask(this.transport, task);
      return await work();
    });
  }

  /** The same for work that yields: no other task is given until it has ended. */
  async *streaming<T>(task: Task, work: () => AsyncGenerator<T>): AsyncGenerator<T> {
    const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const turn = this.together(task, () => {
      begin();
      return ended;
    });
    // Whoever reads hears of an error from the work itself.
    turn.catch(() => {});
    await Promise.race([begun, turn]);
    try {
      yield* work();
      end();
    } catch (error) {
      fail(error);
      throw error;
    } finally {
      end();
    }
    await turn;
  }

  /** Lets the others go. A second call does nothing. */
  async end(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearInterval(this.#beat);
    await this.#inTurn(() => sendWord(this.transport, END));
  }

  /** Runs what the others take part in, one thing at a time. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    try {
      // The others wait for what failed: whatever else came would be taken for it.
      if (this.#isBroken) throw new Error("Cannot give the other ranks a task: an earlier one has failed");
      return await work();
    } catch (error) {
      this.#isBroken = true;
      clearInterval(this.#beat);
      throw error;
    } finally {
      resolve();
    }
  }
}

/** Waits for the next task of another rank than the first; null: there are no more. */
export async function nextTask(transport: Transport): Promise<Task | null> {
  const word = new Uint32Array(1);
  do {
    await transport.broadcast(new Uint8Array(word.buffer), 0);
  } while (word[0] === NOTHING_YET);
  if (word[0] === END) return null;
  const bytes = new Uint8Array(word[0]!);
  await transport.broadcast(bytes, 0);
  return JSON.parse(new TextDecoder().decode(bytes)) as Task;
}

async function sendTask(transport: Transport, task: Task): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(task));
  await sendWord(transport, bytes.length);
  await transport.broadcast(bytes, 0);
}

async function sendWord(transport: Transport, word: number): Promise<void> {
  await transport.broadcast(new Uint8Array(Uint32Array.of(word).buffer), 0);
}
