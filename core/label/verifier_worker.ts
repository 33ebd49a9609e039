/** The thread in which a verifier module runs, so that one that never returns can be ended. @module */
import { errorLine } from "../data/formats/data_problems.ts";
import type { VerifierAnswer, VerifierInput, VerifierQuestion } from "./verifier_protocol.ts";

/** Imports the module, which the text of the thread names. */
type Load = () => Promise<{ default?: unknown }>;

let score: (input: VerifierInput) => unknown;
/** The number of the question under way, and what it is for. */
let [current, doing]: [number, "load" | "score"] = [0, "load"];

/** Answers the questions that come by the port that the thread's first message brings. */
export function serve(load: Load): void {
  // The module, which is not loaded yet, cannot reach the port, so that its own messages are no answers.
  addEventListener("message", (event) => answerAt((event as MessageEvent).ports[0]!, load), { once: true });
}

function answerAt(port: MessagePort, load: Load): void {
  const answer = (answer: VerifierAnswer): void => port.postMessage({ ...answer, to: current });
  // A failure outside an answer would otherwise end the process with a stack trace.
  for (const name of ["error", "unhandledrejection"] as const) {
    globalThis.addEventListener(name, (event) => {
      event.preventDefault();
      const cause = event instanceof PromiseRejectionEvent ? event.reason : (event as ErrorEvent).error;
      answer({ failed: doing, why: reason(cause) });
    });
  }
  forbidEnding((how) => answer({ failed: doing, why: `it ends its thread by ${how}, expected an answer` }));
  port.onmessage = async ({ data }: MessageEvent<VerifierQuestion>) => {
    current = data.id;
    if ("load" in data) answer(await loadModule(load));
    else {
      doing = "score";
      for (const input of data.inputs) answer(await scoreOne(input));
    }
  };
}

/** Replaces what would end the thread, which nobody outside would see. */
function forbidEnding(tell: (how: string) => void): void {
  const refuse = (how: string) => (): never => {
    tell(how);
    throw new Error(`${how} is forbidden`);
  };
  Object.defineProperty(globalThis, "close", { value: refuse("close()"), writable: false, configurable: false });
  Object.defineProperty(Deno, "exit", { value: refuse("Deno.exit()"), writable: false, configurable: false });
}

async function loadModule(load: Load): Promise<VerifierAnswer> {
  let module: { default?: unknown };
  try {
    module = await load();
  } catch (error) {
    return { failed: "load", why: reason(error) };
  }
  if (typeof module.default !== "function") {
    const why = `its default export is ${typeof module.default}, expected a function of {prompt, response, reference}`;
    return { failed: "use", why };
  }
  score = module.default as typeof score;
  return { ready: true };
}

async function scoreOne(input: VerifierInput): Promise<VerifierAnswer> {
  let value: unknown;
  try {
    value = await score(input);
  } catch (error) {
    return { failed: "score", why: reason(error) };
  }
  if (typeof value === "number" && Number.isFinite(value)) return { score: value };
  return { failed: "score", why: `it returned ${show(value)}, expected a finite number` };
}

/** The first line of what a module threw, which may be any value. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : error;
  return typeof message === "string" ? errorLine(message.trimStart().split("\n")[0]) : `it threw ${show(message)}`;
}

/** A value for a message. Objects are not shown, as not every object can be converted to text. */
function show(value: unknown): string {
  return typeof value === "object" && value !== null ? "an object" : errorLine(String(value));
}
