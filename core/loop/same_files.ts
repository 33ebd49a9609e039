/** Whether a rank sees the files that the first one has. @module */
import { type FileDigests, short } from "../checkpoint/folder_identity.ts";
import { UserError } from "../error.ts";
import { digestFile } from "../files/stream_digest.ts";
import type { RunContext } from "../run/run_context.ts";

/** Throws a UserError unless the files of the model in `dir` have these digests. */
export async function checkSameFiles(
  { sources }: Pick<RunContext, "sources">,
  { dir, files }: { dir: string; files: FileDigests },
): Promise<void> {
  const refuse = (problem: string): UserError =>
    new UserError(
      `Cannot load ${dir} as the first rank has it: ${problem}; all ranks have to see the same files (distributed.gather sends those that the run makes)`,
    );
  const folder = await sources.filesIn(dir).catch((error) => {
    throw error instanceof UserError ? refuse(error.message) : error;
  });
  for (const [name, expected] of Object.entries(files)) {
    const is = await folder.stat(name) === null ? "not there" : await digestFile(folder, name);
    if (is !== expected) throw refuse(`${name} is ${told(is)}, expected ${told(expected)}`);
  }
}

/** Throws a UserError unless what training of the model in `dir` begins with besides is what the first rank has. */
export function checkSameStart(
  dir: string,
  is: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, string>>,
): void {
  for (const what of new Set([...Object.keys(expected), ...Object.keys(is)])) {
    if (is[what] === expected[what]) continue;
    const [own, first] = [is[what], expected[what]].map((digest) => digest === undefined ? "none" : told(digest));
    throw new UserError(`Cannot train ${dir} as the first rank does: ${what} is ${own}, expected ${first}`);
  }
}

/** A digest as it is told, or what stands in its place. */
function told(digest: string): string {
  return /^[0-9a-f]{64}$/.test(digest) ? `SHA-256 ${short(digest)}` : digest;
}
