/** The judge that is a TypeScript module: a verifier. @module */
import { errorLine } from "../data/formats/data_problems.ts";
import { UserError } from "../error.ts";
import { toFileUrl } from "../files/file_url.ts";
import type { Judge } from "./judge.ts";
import { type VerifierAnswer, type VerifierInput, verifierInputs, type VerifierTask } from "./verifier_protocol.ts";

/** A verifier module in its own thread, with the permissions of this process; it runs until it is disposed. */
export interface VerifierThread extends Disposable {
  /**
   * Scores inputs in order. Throws a UserError naming the module and `where` if the module throws, takes too long for
   * one input, or returns no finite number; the thread cannot be used after that.
   */
  score(inputs: readonly VerifierInput[], where: string): Promise<number[]>;
}

/** The time limit of a verifier. */
export interface VerifierLimit {
  /** The most seconds for one answer, and for loading the module (`labels.verifier_timeout`). */
  seconds: number;
}

/** Loads a verifier module. Throws a UserError naming it if it does not load or exports no function. */
export async function loadVerifier(path: string, { seconds }: VerifierLimit): Promise<VerifierThread> {
  const thread = new Thread(seconds);
  try {
    const [answer] = await thread.ask({ load: toFileUrl(path) }, 1);
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

/** Thrown if the thread took too long, or failed outside an answer. */
class ThreadError extends Error {}

class Thread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #seconds: number;
  #asked = 0;

  constructor(seconds: number) {
    this.#seconds = seconds;
    this.#worker = new Worker(new URL("./verifier_worker.ts", import.meta.url), { type: "module" });
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker.postMessage(null, [port2]);
  }

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
    return promise.finally(() => clearInterval(timer));
  }
}
