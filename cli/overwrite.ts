/** What is there is overwritten only by consent: `--force`, or in a terminal an answer. @module */
import process from "node:process";
import { refuseExisting } from "../core/files/existing_output.ts";
import { exists } from "../core/files/io.ts";
import { safeLine } from "../core/safe_text.ts";
import { tell } from "./print.ts";
import { movesCursor } from "./terminal_kind.ts";

/**
 * Whether `path` may be written. If something is there, a terminal is asked; elsewhere, without `force`, a UserError
 * that begins with `action` is thrown.
 */
export async function mayWrite(path: string, { action, force }: { action: string; force: boolean }): Promise<boolean> {
  if (!Deno.stdin.isTerminal() || !movesCursor(Deno.stderr)) {
    await refuseExisting(path, { action, force });
    return true;
  }
  if (force || !await exists(path)) return true;
  const { confirm, isCancel } = await import("@clack/prompts");
  // Standard output is for results, which may go to a file.
  const answer = await confirm({
    message: `${safeLine(path)} is there already. Overwrite it?`,
    initialValue: false,
    output: process.stderr,
  });
  if (!isCancel(answer) && answer) return true;
  tell("Nothing was written.");
  return false;
}
