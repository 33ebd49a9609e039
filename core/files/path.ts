/** Functions for paths as text, the same on every platform: `/` joins, and Windows' `\` separates too. @module */

const SEPARATOR = /[\\/]/;

/**
 * Joins parts with `/`, and takes out what changes nothing: empty parts, `.`, `//`, and a folder before `..`. It gives
 * what Node's `path.posix.join` gives.
 */
export function join(...parts: readonly string[]): string {
  const path = parts.filter((part) => part !== "").join("/");
  const isAbsolute = path.startsWith("/");
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    const isBack = part === ".." && kept.length > 0 && kept.at(-1) !== "..";
    if (isBack) kept.pop();
    else if (part !== ".." || !isAbsolute) kept.push(part);
  }
  const joined = kept.join("/");
  const trail = path.endsWith("/") && joined !== "" ? "/" : "";
  if (isAbsolute) return `/${joined}${trail}`;
  return joined === "" ? path.endsWith("/") ? "./" : "." : joined + trail;
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
