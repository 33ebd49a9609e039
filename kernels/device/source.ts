/** WGSL kept in parts, so that a shader error names the file and the line that its author sees. @module */

/** One part of a kernel's WGSL. */
export interface SourcePart {
  /** Path of its file from the repository's root; for generated text, the generator's path and ` (generated)`. */
  readonly name: string;
  /** WGSL. */
  readonly text: string;
}

/** A place in a part; line and column count from 1. */
export interface SourcePlace {
  readonly name: string;
  readonly line: number;
  readonly column: number;
}

/** The text of the whole module. Each part begins on a new line. */
export function joinParts(parts: readonly SourcePart[]): string {
  return parts.map(({ text }) => withNewline(text)).join("");
}

/** The place in its part of a line and column of the joined text; null if there is no such line. */
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
 * Throws TypeError unless the first line of the last part, which is the kernel's own, names the parts before it:
 *
 *     // before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl
 *
 * The names are paths below kernels/, in the order of the parts. Braces hold alternatives: the kernel is defined once
 * with each. A kernel of one part has no such line.
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

/** The names in a part's first line, if it has one for them. */
export function partsBefore(text: string): string[] {
  const [, names] = /^\/\/ before: (.+)/.exec(text) ?? [];
  return names?.split(", ") ?? [];
}

/** The alternatives of a name: `a_{x|y}.wgsl` is `a_x.wgsl` or `a_y.wgsl`. */
export function namesIn(item: string): string[] {
  const [, start, choices, end] = /^(.*)\{(.*)\}(.*)$/.exec(item) ?? [];
  return choices === undefined ? [item] : choices.split("|").map((choice) => `${start}${choice}${end}`);
}
