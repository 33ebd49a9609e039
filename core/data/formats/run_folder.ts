/** Folders that a run has written, which are no data sets: most of their JSON files hold no rows. @module */
import { join } from "node:path";
import { UserError } from "../../error.ts";
import { exists, namesIn } from "../../files/io.ts";

/** Files of pairs that a message names; of more, the first ones and the last. */
const MOST_NAMED = 4;

/** Throws a UserError if `folder` is a run's or one of its iterations, which names the files of pairs that are there. */
export async function refuseRunFolder(folder: string): Promise<void> {
  const names = await namesIn(folder);
  const isIteration = names.includes("generation.json") && names.some((name) => /^(responses|pairs)\./.test(name));
  const iterations = names.map((name) => /^iteration-(\d+)$/.exec(name)?.[1]).filter((k) => k !== undefined);
  const isRun = names.includes("checksums.json") && (names.includes("log.jsonl") || iterations.length > 0);
  if (!isIteration && !isRun) return;
  const pairs: string[] = [];
  for (const k of iterations.map(Number).sort((a, b) => a - b)) {
    const path = join(folder, `iteration-${k}`, "pairs.jsonl");
    if (await exists(path)) pairs.push(path);
  }
  if (names.includes("pairs.jsonl")) pairs.push(join(folder, "pairs.jsonl"));
  const what = isRun ? "a run's folder" : "the folder of a run's iteration";
  throw new UserError(
    `Cannot read ${folder}: it is ${what}, expected ${
      pairs.length === 0 ? "a file of rows; it has no pairs" : `its file of pairs, ${listed(pairs)}`
    }`,
  );
}

function listed(paths: readonly string[]): string {
  const named = paths.length <= MOST_NAMED ? paths : [...paths.slice(0, MOST_NAMED - 2), "…", paths.at(-1)!];
  return named.length === 1 ? named[0]! : `${named.slice(0, -1).join(", ")} or ${named.at(-1)}`;
}
