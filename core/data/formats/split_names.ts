/** The splits of a data set that the names of its files tell, as the `datasets` library reads them. @module */

/** Splits by name, with their files. */
export type Splits = Map<string, string[]>;

const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "dev", "val"],
  test: ["test", "testing", "eval", "evaluation"],
};

/** As {@linkcode namedSplits}; where no name says anything, all files are `train`. */
export function splitsByName(files: readonly string[]): Splits {
  const named = namedSplits(files);
  return named.size > 0 ? named : new Map([["train", [...files]]]);
}

/**
 * Finds splits by file names, as the `datasets` library does: by `data/NAME-00000-of-00002.parquet`, else by a folder
 * with a split's name, else by a split's name within a file's name. Files whose names say nothing belong to none of
 * them. Paths are relative to the data set, with `/`.
 */
export function namedSplits(files: readonly string[]): Splits {
  const sharded: Splits = new Map();
  for (const path of files) {
    const [, split] = /^(?:data\/)?([A-Za-z0-9_.]+)-\d{5}-of-\d{5}[^/]*$/.exec(path) ?? [];
    if (split !== undefined) sharded.set(split, [...sharded.get(split) ?? [], path]);
  }
  if (sharded.size > 0) return sharded;
  for (const part of ["folder", "file"] as const) {
    const found: Splits = new Map();
    for (const path of files) {
      const split = splitOf(path, part);
      if (split !== null) found.set(split, [...found.get(split) ?? [], path]);
    }
    if (found.size > 0) return found;
  }
  return new Map();
}

/** The split that a word names, such as validation for dev; the word itself if it is none of those. */
export function splitOfWord(word: string): string {
  return Object.entries(KEYWORDS).find(([, keywords]) => keywords.includes(word))?.[0] ?? word;
}

/** The split that is named by a folder on the way to a file, or by the file's name; null if none is. */
function splitOf(path: string, part: "folder" | "file"): string | null {
  const steps = path.split("/");
  const names = part === "folder" ? steps.slice(0, -1) : [steps.at(-1)!];
  for (const name of names) {
    const words = name.split(/[-._ 0-9]+/);
    for (const [split, keywords] of Object.entries(KEYWORDS)) {
      if (words.some((word) => keywords.includes(word))) return split;
    }
  }
  return null;
}
