/** `dnpo watch`. @module */
import { UserError } from "../../core/error.ts";
import { startWatch } from "../../core/watch/watch_server.ts";
import { say, tell } from "../print.ts";

/** Serves the page of a run, or of the runs in a folder, until Ctrl-C. */
export async function watch({ dir, port }: { dir: string; port: number | undefined }): Promise<number> {
  await using server = await startWatch({ dir, ...(port !== undefined && { port }) });
  say(server.address);
  tell(
    `Open this address in a browser on this machine: it shows ${dir} as it goes. Ctrl-C ends the page, not the run.`,
  );
  const ended = Promise.withResolvers<void>();
  const names = (["SIGINT", "SIGTERM"] as const).filter((name) => Deno.build.os !== "windows" || name === "SIGINT");
  const end = (): void => ended.resolve();
  for (const name of names) Deno.addSignalListener(name, end);
  try {
    await ended.promise;
  } finally {
    for (const name of names) Deno.removeSignalListener(name, end);
  }
  return 0;
}

/** Reads `--port`. Throws a UserError for what is no port. */
export function portOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const port = Number(value);
  if (typeof value === "string" && /^\d+$/.test(value) && port >= 1 && port <= 65535) return port;
  throw new UserError(`--port: expected a number from 1 to 65535, got ${JSON.stringify(value)}`);
}
