/** Limits how far the parts of a tokenizer, which may be written by anybody, lengthen a text. @module */

/** The most characters for each of the input, above what any normal form makes of ordinary text; and some for all. */
const FACTOR = 8;
const FREE = 1 << 18;

/** The limit for an input of this length. */
export function longestText(length: number): number {
  return FREE + FACTOR * length;
}

/** Throws an Error if a text of `length` characters would pass the limit. */
export function checkGrowth(length: number, limit: number): void {
  if (length > limit) throw new Error(`a part of it makes a text of ${length} characters, expected at most ${limit}`);
}

/** Throws an Error if `count` ids of a text would pass the limit. */
export function checkIds(count: number, limit: number): void {
  if (count > limit) throw new Error(`a template makes ${count} ids of a text, expected at most ${limit}`);
}

/** Replaces the matches (starts and ends, one after another) by `content`. */
export function replaceMatches(
  text: string,
  { matches, content, limit }: { matches: readonly number[]; content: string; limit: number },
): string {
  if (matches.length === 0) return text;
  let length = text.length + matches.length / 2 * content.length;
  for (let i = 0; i < matches.length; i += 2) length -= matches[i + 1]! - matches[i]!;
  checkGrowth(length, limit);
  let result = "";
  let from = 0;
  for (let i = 0; i < matches.length; i += 2) {
    result += text.slice(from, matches[i]) + content;
    from = matches[i + 1]!;
  }
  return result + text.slice(from);
}
