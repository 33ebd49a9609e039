/** WGSL kept in parts, so that a shader error names the file and the line that its author sees. @module */

/** One part of a kernel's WGSL. */
export interface SourcePart {
  /** Path of its file from the repository's root; for generated text, the generator's path and ` (generated)`. */
  readonly name: string;
  readonly text: string;
}

/** A place in a part; line and column count from 1. */
export interface SourcePlace {
  readonly name: string;
  readonly line: number;
  readonly column: number;
}

/** The text of the whole module. Each part begins on a line of its own. */
export function joinParts(parts: readonly SourcePart[]): string {
  return parts.map(({ text }) => withNewline(text)).join("");
}

/** Where a line and column of the joined text stand in their part; null beyond the last part's end. */
export function placeIn(parts: readonly SourcePart[], line: number, column: number): SourcePlace | null {
  let before = 0;
  for (const { name, text } of parts) {
    const lines = withNewline(text).split("\n").length - 1;
    if (line > before && line <= before + lines) return { name, line: line - before, column };
    before += lines;
  }
  return null;
}

function withNewline(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}

/**
 * Throws TypeError unless the last part, which is the kernel's own, says in its first line which parts stand before it:
 *
 *     // before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl
 *
 * These are the other parts' names below kernels/, in their order. Braces hold the names to choose from where a kernel
 * is defined more than once. A part that has none before it has no such line.
 */
export function checkBefore(kernel: string, parts: readonly SourcePart[]): void {
  const own = parts.at(-1);
  if (!own) throw new TypeError(`Cannot define "${kernel}": it has no WGSL`);
  const others = parts.slice(0, -1).map(({ name }) => name.replace(/^kernels\//, ""));
  const said = partsBefore(own.text);
  if (said.length === others.length && said.every((item, i) => namesIn(item).includes(others[i]!))) return;
  throw new TypeError(
    `Cannot define "${kernel}": before ${own.name} stand [${others.join(", ")}], its first line says [${
      said.join(", ")
    }]`,
  );
}

/** What a part's first line says stands before it. */
export function partsBefore(text: string): string[] {
  const [, names] = /^\/\/ before: (.+)/.exec(text) ?? [];
  return names?.split(", ") ?? [];
}

/** The names that an item of a first line allows: `a_{x|y}.wgsl` allows `a_x.wgsl` and `a_y.wgsl`. */
export function namesIn(item: string): string[] {
  const [, start, choices, end] = /^(.*)\{(.*)\}(.*)$/.exec(item) ?? [];
  return choices === undefined ? [item] : choices.split("|").map((choice) => `${start}${choice}${end}`);
}
