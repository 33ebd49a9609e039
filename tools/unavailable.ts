/** What a check cannot do without, and this machine has not: the check is not run. @module */

/** Says in one line what is missing. */
export class Unavailable extends Error {}

/** How long a program that fetches something may take. */
const FETCH_MS = 300_000;

/**
 * What a program prints that fetches or unpacks something. Throws Unavailable where it is missing, fails, or takes longer
 * than five minutes.
 */
export async function fetching(program: string, args: readonly string[], cwd?: string): Promise<string> {
  let ended: Deno.CommandOutput;
  try {
    const signal = AbortSignal.timeout(FETCH_MS);
    ended = await new Deno.Command(program, { args: [...args], ...(cwd && { cwd }), signal, stdin: "null" }).output();
  } catch (error) {
    throw new Unavailable(`${program} cannot be run (${(error as Error).message})`);
  }
  if (ended.success) return new TextDecoder().decode(ended.stdout);
  // deno-lint-ignore no-control-regex -- colours
  const lines = new TextDecoder().decode(ended.stderr).replace(/\x1b\[[0-9;]*m/g, "").trim().split("\n");
  const told = lines.find((line) => /^(error|E:)/.test(line)) ?? lines.at(-1);
  throw new Unavailable(
    `${program} ${ended.signal === null ? "failed" : "took too long"}: ${told || "no reason given"}`,
  );
}
