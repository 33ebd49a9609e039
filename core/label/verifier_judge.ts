/** The judge that is a TypeScript module: a verifier. @module */
import type { VerifierPermissions } from "../config/config_types.ts";
import { errorLine } from "../data/formats/data_problems.ts";
import { UserError } from "../error.ts";
import { toFileUrl } from "../files/file_url.ts";
import type { Judge } from "./judge.ts";
import { confinedWorker, memoryHeld, VERIFIER_MEMORY } from "./verifier_confinement.ts";
import { type VerifierAnswer, type VerifierInput, verifierInputs, type VerifierTask } from "./verifier_protocol.ts";

/** A verifier module in its own thread, with the permissions that were granted; it runs until it is disposed. */
export interface VerifierThread extends Disposable {
  /**
   * Scores inputs in order. Throws a UserError naming the module and `where` if the module throws, takes too long for
   * one input or too much memory, or returns no finite number; the thread cannot be used after that.
   */
  score(inputs: readonly VerifierInput[], where: string): Promise<number[]>;
}

/** The limits of a verifier. */
export interface VerifierLimit {
  /** The most seconds for one answer, and for loading the module (`labels.verifier_timeout`). */
  seconds: number;
  /** The most memory that the process may grow by meanwhile, in MiB (`labels.verifier_memory`). */
  megabytes?: number;
  /** What the module may do (`labels.verifier_permissions`; default: nothing). */
  permissions?: VerifierPermissions;
}

/** The keys of `labels` that limit a verifier. */
export interface VerifierKeys {
  verifier_timeout: number;
  verifier_memory?: number;
  verifier_permissions?: VerifierPermissions;
}

/** The limits that the config sets. */
export function verifierLimit(
  { verifier_timeout: seconds, verifier_memory: megabytes, verifier_permissions: permissions }: VerifierKeys,
): VerifierLimit {
  return { seconds, ...(megabytes !== undefined && { megabytes }), ...(permissions !== undefined && { permissions }) };
}

/** Loads a verifier module. Throws a UserError naming it if it does not load or exports no function. */
export async function loadVerifier(path: string, limit: VerifierLimit): Promise<VerifierThread> {
  const thread = new Thread(path, limit);
  try {
    const [answer] = await thread.ask({ load: true }, 1);
    if (answer && "failed" in answer) {
      throw new UserError(`Cannot ${answer.failed} verifier ${path}: ${answer.why}`);
    }
  } catch (error) {
    thread.end();
    throw error instanceof ThreadError ? new UserError(`Cannot load verifier ${path}: ${error.message}`) : error;
  }
  return {
    async score(inputs, where) {
      const fail = (why: string): never => {
        throw new UserError(`Cannot score ${where} with ${path}: ${why}`);
      };
      const answers = await thread.ask({ inputs }, inputs.length).catch((error) =>
        error instanceof ThreadError ? fail(error.message) : Promise.reject(error)
      );
      return answers.map((answer) => "score" in answer ? answer.score : fail("failed" in answer ? answer.why : ""));
    },
    [Symbol.dispose]: () => thread.end(),
  };
}

/** A judge that scores both answers with the module at `path`; its thread runs until it is disposed. */
export async function verifierJudge(path: string, limit: VerifierLimit): Promise<Judge & Disposable> {
  const verifier = await loadVerifier(path, limit);
  return {
    name: "verifier",
    async score(rows, onDone) {
      const scores = [];
      for (const row of rows) {
        const [human, machine] = await verifier.score(verifierInputs(row), `row ${row.row}`);
        scores.push({ human: human!, generated: machine! });
        onDone(scores.length);
      }
      return scores;
    },
    [Symbol.dispose]: () => verifier[Symbol.dispose](),
  };
}

/** Milliseconds between two looks at the memory of the process. */
const MEMORY_TICK = 50;

/** Thrown if the thread took too long or too much memory, or failed outside an answer. */
class ThreadError extends Error {}

class Thread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #seconds: number;
  readonly #megabytes: number;
  #asked = 0;

  constructor(path: string, { seconds, megabytes = VERIFIER_MEMORY, permissions = {} }: VerifierLimit) {
    this.#seconds = seconds;
    this.#megabytes = megabytes;
    this.#worker = confinedWorker(path, threadText(toFileUrl(path)), permissions);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker.postMessage(null, [port2]);
  }

  /** Takes the thread's messages away. Deno does not stop one that is in a loop: it runs until the process ends. */
  end(): void {
    this.#worker.terminate();
    this.#port.close();
  }

  /** Sends a question, and waits for `count` answers or the first that failed. Throws ThreadError. */
  ask(task: VerifierTask, count: number): Promise<VerifierAnswer[]> {
    const id = ++this.#asked;
    const { promise, resolve, reject } = Promise.withResolvers<VerifierAnswer[]>();
    const answers: VerifierAnswer[] = [];
    // Ticks are counted instead of reading a clock, so that time in which the process was stopped does not count.
    const tick = Math.min(1, this.#seconds / 4);
    let waited = 0;
    const timer = setInterval(() => {
      waited += tick;
      if (waited < this.#seconds) return;
      this.end();
      reject(
        new ThreadError(
          `it takes longer than ${this.#seconds} s, expected an answer within labels.verifier_timeout`,
        ),
      );
    }, 1000 * tick);
    const held = memoryHeld();
    const watch = setInterval(() => {
      if (memoryHeld() - held <= this.#megabytes * 2 ** 20) return;
      this.end();
      reject(
        new ThreadError(
          `it takes more than ${this.#megabytes} MiB of memory, expected at most labels.verifier_memory`,
        ),
      );
    }, MEMORY_TICK);
    this.#port.onmessage = ({ data }: MessageEvent<VerifierAnswer & { to: number }>) => {
      // A failure beside an answer may come after the question that it belongs to.
      if (data.to !== id) return;
      waited = 0;
      answers.push(data);
      if ("failed" in data || answers.length === count) resolve(answers);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      reject(new ThreadError(errorLine(event.message.split("\n")[0])));
    };
    this.#port.postMessage({ id, ...task });
    return promise.finally(() => {
      clearInterval(timer);
      clearInterval(watch);
    });
  }
}

/**
 * The text of the thread's module. The addresses are written into it: a thread without permissions may only import what
 * stands in its text, or in that of a module it imports, which Deno loads with the permissions of the process.
 */
function threadText(verifier: string): string {
  const worker = JSON.stringify(new URL("./verifier_worker.ts", import.meta.url).href);
  return `import { serve } from ${worker}; serve(() => import(${JSON.stringify(verifier)}));`;
}
