/** The judge that is a TypeScript module: a verifier. @module */
import type { VerifierPermissions } from "../config/config_types.ts";
import { errorLine } from "../data/formats/data_problems.ts";
import { UserError } from "../error.ts";
import { toFileUrl } from "../files/file_url.ts";
import { basename } from "../files/path.ts";
import { safeLine } from "../safe_text.ts";
import { isRecord } from "../values.ts";
import type { Judge } from "./judge.ts";
import { confinedWorker, memoryHeld, VERIFIER_MEMORY } from "./verifier_confinement.ts";
import { EXPECTED_IMPORTS, importedFiles } from "./verifier_imports.ts";
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

/**
 * Loads a verifier module; `onPrint` gets lines for the user of what it prints. Throws a UserError naming it if it does
 * not load or exports no function.
 */
export async function loadVerifier(
  path: string,
  limit: VerifierLimit,
  onPrint: (line: string) => void = () => {},
): Promise<VerifierThread> {
  const say = (line: string): void => onPrint(`${basename(path)} prints: ${safeLine(line.slice(0, MOST_WHY))}`);
  const thread = new Thread(path, limit, { files: await importedFiles(path), onSaid: say });
  try {
    const [answer] = await thread.ask({ load: true }, 1);
    if (answer && "failed" in answer) {
      throw new UserError(`Cannot ${answer.failed} verifier ${path}: ${granting(answer.why)}`);
    }
  } catch (error) {
    thread.end();
    throw error instanceof ThreadError ? new UserError(`Cannot load verifier ${path}: ${error.message}`) : error;
  }
  return {
    async score(inputs, where) {
      const fail = (why: string): never => {
        throw new UserError(`Cannot score ${where} with ${path}: ${granting(why)}`);
      };
      const answers = await thread.ask({ inputs }, inputs.length).catch((error) =>
        error instanceof ThreadError ? fail(error.message) : Promise.reject(error)
      );
      return answers.map((answer) => "score" in answer ? answer.score : fail("failed" in answer ? answer.why : ""));
    },
    [Symbol.dispose]: () => thread.end(),
  };
}

/**
 * A judge that scores both answers with the module at `path`; its thread runs until it is disposed. `onPrint` gets lines
 * of what it prints.
 */
export async function verifierJudge(
  path: string,
  limit: VerifierLimit,
  onPrint?: (line: string) => void,
): Promise<Judge & Disposable> {
  const verifier = await loadVerifier(path, limit, onPrint);
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

/** The most lines of one thread that are shown. */
const MOST_SAID = 20;

/** Milliseconds between two looks at the memory of the process. */
const MEMORY_TICK = 50;

/** Thrown if the thread took too long or too much memory, or failed outside an answer. */
class ThreadError extends Error {}

class Thread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #seconds: number;
  readonly #megabytes: number;
  readonly #onSaid: (line: string) => void;
  /** Lines that the thread may still have shown, whatever its module makes of its own limit. */
  #linesLeft = MOST_SAID;
  #asked = 0;

  constructor(
    path: string,
    { seconds, megabytes = VERIFIER_MEMORY, permissions = {} }: VerifierLimit,
    { files, onSaid }: { files: readonly string[]; onSaid: (line: string) => void },
  ) {
    this.#onSaid = onSaid;
    this.#seconds = seconds;
    this.#megabytes = megabytes;
    this.#worker = confinedWorker(path, threadText(toFileUrl(path)), permissions, files);
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
    this.#port.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (isRecord(data) && typeof data.said === "string") {
        if (this.#linesLeft-- > 0) this.#onSaid(data.said);
        return;
      }
      // The module may have changed what the thread answers with.
      if (!isAnswer(data)) return reject(new ThreadError("its thread sends something else than an answer"));
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
 * The text of the thread's module. What a module's text imports by name, Deno loads with the permissions of the process,
 * and so on for what that imports: this is how the thread gets its own code. The verifier's name must not stand in an
 * `import()`, or whatever its text names could be read: `import("/etc/passwd", { with: { type: "text" } })`.
 */
function threadText(verifier: string): string {
  const worker = JSON.stringify(new URL("./verifier_worker.ts", import.meta.url).href);
  return `import { serve } from ${worker}; serve(${JSON.stringify(verifier)}, (url) => import(url));`;
}

const FAILED = /^(load|use|score)$/;

function isAnswer(data: unknown): data is VerifierAnswer & { to: number } {
  if (!isRecord(data) || typeof data.to !== "number") return false;
  if (data.failed !== undefined) return FAILED.test(String(data.failed)) && typeof data.why === "string";
  return data.ready === true || (typeof data.score === "number" && Number.isFinite(data.score));
}

/** The most characters of a reason, which the thread has cut already unless its module meddled with it. */
const MOST_WHY = 400;

/** Deno's advice is for the process; this one is for the config. */
function granting(why: string): string {
  return safeLine(why.slice(0, MOST_WHY)).replace(
    /^(Requires (read|net|env) access.*), run again with the \S+ flag(.*)$/,
    (_, what, key, place) => `${what}, expected a grant in labels.verifier_permissions.${key}${place}`,
  ).replace(/^The lockfile is out of date.*$/, `it imports a package, ${EXPECTED_IMPORTS}`);
}
