/**
 * Breaks each kernel's formula in one place at a time and shows that its test notices. Works on a copy in a temporary
 * folder; exits 1 where a mutation survives. Prints the table that docs/log.md keeps. From the repository's root:
 *
 *     deno run --allow-read --allow-write="${TMPDIR:-/tmp}" --allow-env=TMPDIR --allow-run=deno tools/mutate.ts [FILE …]
 *
 * FILE: only the mutations of these files under kernels/.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { type Mutation, MUTATIONS } from "./mutations.ts";

/** What the tests of the kernels need. */
const COPIED = ["deno.json", "deno.lock", "kernels", "core", "tests/_shared", "tests/kernels"];
const TEST = "test --no-check --frozen --quiet --fail-fast --allow-read --allow-env --ignore-env".split(" ");
/** A mutation may make a loop endless. */
const LIMIT_MS = 120_000;

/** How a test took a mutation. */
type MutationOutcome =
  /** An assertion failed. */
  | "caught"
  /** It passed. */
  | "SURVIVED"
  /** It failed otherwise: the mutant does not compile, or ran into the time limit. */
  | "BROKEN";

/** The file's text with the mutation. Throws Error where the searched text does not occur exactly once. */
export function mutate(text: string, { file, what, search, replace }: Mutation): string {
  const parts = text.split(search);
  if (parts.length !== 2) {
    throw new Error(`Cannot mutate ${file} (${what}): "${search}" occurs ${parts.length - 1} times, expected 1`);
  }
  return parts.join(replace);
}

async function copy(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) {
    await Deno.mkdir(dirname(to), { recursive: true });
    return await Deno.copyFile(from, to);
  }
  for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
}

/** The name of the first test that failed on an assertion; how it ended where there is none. */
async function runTest(folder: string, test: string): Promise<{ outcome: MutationOutcome; by: string }> {
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args: [...TEST, `tests/kernels/${test}`],
    cwd: folder,
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0" },
    stdin: "null",
    signal: AbortSignal.timeout(LIMIT_MS),
  }).output();
  if (success) return { outcome: "SURVIVED", by: "" };
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
  const [, name, error] = /ERRORS\s+(.+?) => .*\nerror: (.+)/.exec(text) ?? [];
  if (name === undefined || !/AssertionError/.test(error!)) {
    return { outcome: "BROKEN", by: error ?? text.trim().split("\n").at(-1) ?? "" };
  }
  return { outcome: "caught", by: name };
}

async function main(files: readonly string[]): Promise<number> {
  const wanted = MUTATIONS.filter(({ file }) => files.length === 0 || files.includes(file));
  const folder = await Deno.makeTempDir({ prefix: "dnpo-mutate-" });
  try {
    for (const path of COPIED) await copy(path, join(folder, path));
    for (const test of new Set(wanted.map(({ test }) => test))) {
      if ((await runTest(folder, test)).outcome !== "SURVIVED") throw new Error(`${test} fails without a mutation`);
    }
    let missed = 0;
    console.log("| kernel | mutation | caught by |\n| --- | --- | --- |");
    for (const mutation of wanted) {
      const path = join(folder, "kernels", mutation.file);
      const text = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, mutate(text, mutation));
      const { outcome, by } = await runTest(folder, mutation.test);
      await Deno.writeTextFile(path, text);
      if (outcome !== "caught") missed++;
      console.log(
        `| ${mutation.file} | ${mutation.what} | ${
          outcome === "caught" ? `${mutation.test}: ${by}` : `${outcome} ${by}`
        } |`,
      );
    }
    console.log(`\n${wanted.length} mutations, ${wanted.length - missed} caught`);
    return missed === 0 ? 0 : 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
