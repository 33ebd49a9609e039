/**
 * Breaks each kernel's formula in one place at a time and shows that its test notices: `deno task mutations [FILE …]`.
 * Works on a copy in a temporary folder, prints each mutation as it is tried, and exits with 1 if one is not caught.
 * With FILE, tries only the mutations of these files under kernels/; without it, tries all, and writes
 * docs/development/mutations.md.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { type Mutation, MUTATIONS } from "./mutations.ts";
import { TEST_PROCESS_ENV } from "./test_process.ts";

const PAGE = "docs/development/mutations.md";
const INTRODUCTION = `<!-- deno-fmt-ignore-file -->

# Mutations

Written by \`deno task mutations\`. A kernel's formula is broken in one place at a time, in a copy of the tree, and the
kernel's own test must then fail on an assertion. The table names the first test that did; SURVIVED is a mutation that
no test noticed, BROKEN one that failed otherwise (it does not compile, or runs into the time limit).
`;
const HEAD = "| kernel | mutation | caught by |\n| --- | --- | --- |";

/** The files that the kernels' tests need. */
const COPIED = ["deno.json", "deno.lock", "kernels", "core", "tests/_shared", "tests/kernels"];
const TEST = "test --no-check --frozen --quiet --fail-fast --allow-read --allow-env --ignore-env".split(" ");
/** Time limit of a test, since a mutation may make a loop endless. */
const LIMIT_MS = 400_000;

/** What became of a mutation in its test. */
type MutationOutcome =
  /** An assertion failed. */
  | "caught"
  /** It passed. */
  | "SURVIVED"
  /** It failed otherwise: the mutant does not compile, or ran into the time limit. */
  | "BROKEN";

/** A mutation that was tried. */
export interface TriedMutation extends Pick<Mutation, "file" | "what" | "test"> {
  outcome: MutationOutcome;
  /** The test that caught it, or how the run ended otherwise. */
  by: string;
}

/** The text of docs/development/mutations.md. */
export function mutationsPage(tried: readonly TriedMutation[]): string {
  return `${INTRODUCTION}\n${HEAD}\n${tried.map(toRow).join("\n")}\n\n${toCount(tried)}\n`;
}

function toRow({ file, what, test, outcome, by }: TriedMutation): string {
  return `| ${file} | ${what} | ${outcome === "caught" ? `${test}: ${by}` : `${outcome} ${by}`.trimEnd()} |`;
}

function toCount(tried: readonly TriedMutation[]): string {
  return `${tried.length} mutations, ${tried.filter(({ outcome }) => outcome === "caught").length} caught`;
}

/** The file's text with the mutation. Throws Error unless the searched text occurs exactly once. */
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

/** Runs a test file: `by` is the name of the first test that failed on an assertion, or how the run ended otherwise. */
async function runTest(folder: string, test: string): Promise<{ outcome: MutationOutcome; by: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...TEST, `tests/kernels/${test}`],
    cwd: folder,
    env: { ...TEST_PROCESS_ENV, NO_COLOR: "1" },
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
  const unknown = files.find((name) => !MUTATIONS.some(({ file }) => file === name));
  if (unknown !== undefined) {
    throw new Error(`Cannot mutate ${unknown}: no mutation names it, expected a file such as ${MUTATIONS[0]!.file}`);
  }
  const wanted = MUTATIONS.filter(({ file }) => files.length === 0 || files.includes(file));
  const folder = await Deno.makeTempDir({ prefix: "dnpo-mutate-" });
  try {
    for (const path of COPIED) await copy(path, join(folder, path));
    for (const test of new Set(wanted.map(({ test }) => test))) {
      if ((await runTest(folder, test)).outcome !== "SURVIVED") throw new Error(`${test} fails without a mutation`);
    }
    const tried: TriedMutation[] = [];
    console.log(HEAD);
    for (const mutation of wanted) {
      const path = join(folder, "kernels", mutation.file);
      const text = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, mutate(text, mutation));
      const { file, what, test } = mutation;
      tried.push({ file, what, test, ...await runTest(folder, test) });
      await Deno.writeTextFile(path, text);
      console.log(toRow(tried.at(-1)!));
    }
    console.log(`\n${toCount(tried)}`);
    if (files.length === 0) await Deno.writeTextFile(PAGE, mutationsPage(tried));
    return tried.every(({ outcome }) => outcome === "caught") ? 0 : 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
