/** Real processes for the tests of cli/. @module */

import { fileURLToPath } from "node:url";

/** How a process ended. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

const config = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** Runs a module with arguments and permissions; with `closes`, nobody reads its standard output. */
export async function runModule(
  module: string | URL,
  { args = [], permissions = ["--allow-read"], env = {}, closes = false }: {
    args?: string[];
    permissions?: string[];
    env?: Record<string, string>;
    closes?: boolean;
  } = {},
): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      `--config=${config}`,
      "--quiet",
      "--no-prompt",
      "--no-check",
      ...permissions,
      String(module),
      ...args,
    ],
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [out, err, { code }] = await Promise.all([
    closes ? child.stdout.cancel().then(() => "") : new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.status,
  ]);
  return { code, out, err };
}

/** Runs source text as a module whose imports are relative to cli/. */
export async function runSource(source: string, options: Parameters<typeof runModule>[1] = {}): Promise<Ended> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const folder = new URL("../../cli/", import.meta.url).href;
    await Deno.writeTextFile(file, source.replaceAll('from "./', `from "${folder}`));
    return await runModule(file, options);
  } finally {
    await Deno.remove(file);
  }
}
