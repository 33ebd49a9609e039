/** The one place that catches errors: they become one line and an exit code. @module */
import { UserError } from "../core/error.ts";
import { OS_ERROR } from "../core/files/file_system.ts";
import { safeLine } from "../core/safe_text.ts";
import { ClosedOutput, tell } from "./print.ts";

/** An error as it is shown to the user. */
export interface ErrorReport {
  /** One line for each thing that is wrong. */
  lines: string[];
  /** Whether the program is at fault, rather than its input or the machine. */
  isBug: boolean;
}

/** Error codes of an operating system, such as ENOSPC, EROFS and EACCES, but not Node's ERR_…. */
const OS_CODE = /^E[A-Z0-9]+$/;

function oneLine(text: string): string {
  return safeLine(text).trim();
}

/** Describes anything that was thrown, in words for the user. */
export function describeError(error: unknown): ErrorReport {
  if (!(error instanceof Error)) return { lines: [oneLine(`thrown: ${error}`)], isBug: true };
  // A config may have several problems: each has its line.
  if (error instanceof UserError) return { lines: error.message.split("\n").map(oneLine), isBug: false };
  const message = oneLine(error.message);
  if (error.name === "DeviceError") return { lines: [message], isBug: false };
  if (error instanceof Deno.errors.NotCapable) return { lines: [`Permission is missing: ${message}`], isBug: false };
  if (error instanceof RangeError && /allocation failed/i.test(message)) {
    return { lines: [`Out of memory: ${message}`], isBug: false };
  }
  const hasCode = "code" in error && typeof error.code === "string" && OS_CODE.test(error.code);
  if (hasCode || OS_ERROR.test(message)) return { lines: [message], isBug: false };
  return { lines: [oneLine(`${error.name}: ${error.message}`)], isBug: true };
}

/** Whether `DNPO_DEBUG` asks for traces; without the permission to read it, it does not. */
function wantsTrace(): boolean {
  try {
    return Boolean(Deno.env.get("DNPO_DEBUG"));
  } catch {
    return false;
  }
}

/**
 * Runs a command and returns its exit code. What it throws is printed on standard error; the exit code is 1 then. Where
 * nobody reads the output any more, the command ends without a word: the reader has what it wanted.
 */
export async function run(command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    if (error instanceof ClosedOutput) return 0;
    const { lines, isBug } = describeError(error);
    for (const line of lines) tell(`error: ${line}`);
    if (isBug && wantsTrace()) tell(...String(error instanceof Error ? error.stack : error).split("\n"));
    else if (isBug) {
      tell("This is a bug of dnpo. With DNPO_DEBUG=1 in the environment the trace is shown, for a report.");
    }
    return 1;
  }
}
