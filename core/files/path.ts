/** Functions for paths as text, the same on every platform: `/` joins, and Windows' `\` separates too. @module */

const SEPARATOR = /[\\/]/;

/** Joins parts with `/`; empty ones, and any `.` but the last part, are left out. */
export function join(...parts: readonly string[]): string {
  const used = parts.filter((part, i) => part !== "" && !(part === "." && i < parts.length - 1));
  return used.map((part, i) => i < used.length - 1 ? part.replace(/[\\/]+$/, "") || "/" : part).reduce(
    (path, part) => path === "" ? part : path.endsWith("/") ? path + part : `${path}/${part}`,
    "",
  );
}

/** The folder of a path; `.` for a bare name. */
export function dirname(path: string): string {
  const trimmed = withoutTrailing(path);
  for (let at = trimmed.length - 1; at >= 0; at--) {
    if (SEPARATOR.test(trimmed[at]!)) return trimmed.slice(0, at) || "/";
  }
  return ".";
}

/** The last part of a path. */
export function basename(path: string): string {
  return withoutTrailing(path).split(SEPARATOR).at(-1)!;
}

/** A path without separators at its end. */
export function withoutTrailing(path: string): string {
  return path.replace(/(?<=.)[\\/]+$/, "");
}
