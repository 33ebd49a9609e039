/** Text in lines that fit a terminal, broken between words. @module */

/** Letters that take two columns, and marks that take none. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
const MARK = /[\p{M}\u200b-\u200d\ufeff]/u;

const PLAIN = /^[ -~]*$/;

/** How many columns of a terminal a line takes. */
export function columnsOf(line: string): number {
  // The other patterns take milliseconds to compile.
  if (PLAIN.test(line)) return line.length;
  let columns = 0;
  for (const letter of line) columns += MARK.test(letter) ? 0 : WIDE.test(letter) ? 2 : 1;
  return columns;
}

/**
 * The lines of a text, none wider than `columns`. They are broken at spaces, and go on under `indent` spaces; a word that
 * is wider is broken itself with `breaksWords`, and otherwise stays whole, so that a path can be copied.
 */
export function wrapText(
  text: string,
  columns: number,
  { indent = 0, breaksWords = false }: { indent?: number; breaksWords?: boolean } = {},
): string[] {
  return text.split("\n").flatMap((line) =>
    columnsOf(line) <= columns ? [line] : wrapLine(line, columns, { indent, breaksWords })
  );
}

function wrapLine(
  line: string,
  columns: number,
  { indent, breaksWords }: { indent: number; breaksWords: boolean },
): string[] {
  const margin = " ".repeat(Math.min(indent, Math.max(0, columns - 1)));
  const lines: string[] = [];
  let open = "";
  // Spaces at the beginning are the line's own; the others stand between words.
  const [, lead = "", rest = ""] = /^(\s*)([^]*)$/.exec(line)!;
  open = columnsOf(lead) < columns ? lead : "";
  let isEmpty = true;
  for (const [, space = "", word = ""] of rest.matchAll(/(\s*)(\S+)/g)) {
    let left = word;
    if (!isEmpty && columnsOf(open + space + left) <= columns) {
      open += space + left;
      continue;
    }
    if (!isEmpty) {
      lines.push(open);
      open = margin;
    }
    while (breaksWords && columnsOf(open + left) > columns) {
      const part = fitting(left, columns - columnsOf(open));
      if (part === left) break;
      lines.push(open + part);
      left = left.slice(part.length);
      open = margin;
    }
    open += left;
    isEmpty = false;
  }
  return [...lines, open];
}

/** The beginning of a word that fits, at least one letter of it. */
function fitting(word: string, columns: number): string {
  let part = "";
  for (const letter of word) {
    if (part !== "" && columnsOf(part + letter) > columns) break;
    part += letter;
  }
  return part;
}
