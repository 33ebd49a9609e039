/** Signals to a process at a moment that its progress shows. @module */
import { match } from "node:assert/strict";
import { startDnpo } from "../_shared/dnpo.ts";

/** Runs a command, and sends it signals, with pauses in ms between them, as soon as its progress shows `moment`. */
export async function signalAt(
  args: readonly string[],
  moment: RegExp,
  signals: readonly (Deno.Signal | number)[],
): Promise<{ code: number; err: string; milliseconds: number }> {
  const start = performance.now();
  const child = startDnpo(args);
  // Unread output would stop it.
  const out = child.stdout.text();
  let err = "";
  let sent: Promise<void> | undefined;
  const send = async (): Promise<void> => {
    for (const item of signals) {
      if (typeof item === "string") child.kill(item);
      else await new Promise((resolve) => setTimeout(resolve, item));
    }
  };
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    err += text;
    if (moment.test(err)) sent ??= send();
  }
  await sent;
  await out;
  const { code } = await child.status;
  match(err, moment);
  return { code, err, milliseconds: performance.now() - start };
}
