/** The thread in which a verifier module runs, so that one that never returns can be ended. @module */
import { errorLine } from "../data/formats/data_problems.ts";
import { divertPrints } from "./verifier_prints.ts";
import type { VerifierAnswer, VerifierInput, VerifierPrint, VerifierQuestion } from "./verifier_protocol.ts";

/** Imports a module, with the permissions of the thread. */
type Load = (url: string) => Promise<{ default?: unknown }>;

let score: (input: VerifierInput) => unknown;
/** The number of the question under way, and what it is for. */
let [current, doing]: [number, "load" | "score"] = [0, "load"];

/** The folder of the verifier, as an address. */
let folder = "";

/** Answers the questions that come by the port that the thread's first message brings. */
export function serve(verifier: string, load: Load): void {
  folder = new URL("./", verifier).href;
  // The module, which is not loaded yet, cannot reach the port, so that its own messages are no answers.
  addEventListener("message", (event) => answerAt((event as MessageEvent).ports[0]!, () => load(verifier)), {
    once: true,
  });
}

function answerAt(port: MessagePort, load: () => ReturnType<Load>): void {
  const answer = (answer: VerifierAnswer): void => port.postMessage({ ...answer, to: current });
  // A failure outside an answer would otherwise end the process with a stack trace.
  for (const name of ["error", "unhandledrejection"] as const) {
    globalThis.addEventListener(name, (event) => {
      event.preventDefault();
      const cause = event instanceof PromiseRejectionEvent ? event.reason : (event as ErrorEvent).error;
      answer({ failed: doing, why: reason(cause) });
    });
  }
  divertPrints((said) => port.postMessage({ said } satisfies VerifierPrint));
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

/** Replaces what would end the thread, which nobody outside would see, and what would fill the process with messages. */
function forbidEnding(tell: (how: string) => void): void {
  const refuse = (how: string) => (): never => {
    tell(how);
    throw new Error(`${how} is forbidden`);
  };
  Object.defineProperty(globalThis, "postMessage", { value: () => {}, writable: false, configurable: false });
  Object.defineProperty(globalThis, "close", { value: refuse("close()"), writable: false, configurable: false });
  Object.defineProperty(Deno, "exit", { value: refuse("Deno.exit()"), writable: false, configurable: false });
}

async function loadModule(load: () => ReturnType<Load>): Promise<VerifierAnswer> {
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
  // A check that passes or not is a score too.
  if (typeof value === "boolean") return { score: Number(value) };
  if (typeof value === "number" && Number.isFinite(value)) return { score: value };
  return { failed: "score", why: `it returned ${show(value)}, expected a finite number` };
}

/** The most characters of a reason before its place. */
const MOST_REASON = 300;

/** The first line of what a module threw, which may be any value, with its place in the verifier's folder if it has one. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : error;
  if (typeof message !== "string") return `it threw ${show(message)}`;
  const line = errorLine(message.trimStart().split("\n")[0]).slice(0, MOST_REASON);
  const place = placeOf(message) ?? placeOf((error as { stack?: unknown }).stack);
  return place === null ? line : `${line} (${place})`;
}

/** The most characters that are searched for a place: a module can make its stack any text. */
const MOST_STACK = 20_000;

/** The first file, line and column of the verifier's folder that a text names, relative to it; null if there is none. */
function placeOf(text: unknown): string | null {
  if (typeof text !== "string") return null;
  for (const [, url, line, column] of text.slice(0, MOST_STACK).matchAll(/(file:[^\s()]+?):(\d+):(\d+)/g)) {
    if (!url!.startsWith(folder)) continue;
    const name = url!.slice(folder.length);
    return errorLine(`${decoded(name)}:${line}:${column}`);
  }
  return null;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** A value for a message. Objects are not shown, as not every object can be converted to text. */
function show(value: unknown): string {
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "string") return `the text ${errorLine(JSON.stringify(value.slice(0, 100)))}`;
  return errorLine(typeof value === "bigint" ? `${value}n` : String(value));
}
