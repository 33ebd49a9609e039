/** Checks how deep JSON nests before it is parsed: endless brackets would take the parser minutes. @module */

/** The deepest nesting: far above any real file, and still within what JSON.stringify can write. */
export const MAX_DEPTH = 1000;

/** Throws a SyntaxError if a JSON text nests deeper than any real one; other mistakes are left to the parser. */
export function checkNesting(text: string): void {
  if (text.length <= MAX_DEPTH) return;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) {
      i = stringEnd(text, i);
      if (i < 0) return;
    } else if (code === 0x5b || code === 0x7b) depth++;
    else if (code === 0x5d || code === 0x7d) depth--;
    if (depth > MAX_DEPTH) throw new SyntaxError(`it nests deeper than ${MAX_DEPTH} levels`);
  }
}

/** The index of the quote that ends the string which begins with the quote at `start`; -1 if it has no end. */
export function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === 0x5c) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return -1;
}
