/** Cuts a text at matches, and says what becomes of them. @module */

/** What becomes of a match when a text is split. */
export const SPLIT_BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;

/** One of these. */
export type SplitBehavior = typeof SPLIT_BEHAVIORS[number];

/**
 * The pieces of `text`, as starts and ends one after another. `matches` are starts and ends too; with `invert` what is
 * between them is taken for the matches.
 */
export function splitAt(
  text: string,
  { matches, behavior, invert = false }: { matches: readonly number[]; behavior: SplitBehavior; invert?: boolean },
): number[] {
  const pieces: number[] = [];
  let before = false;
  const add = (start: number, end: number, isMatch: boolean): void => {
    const merged = behavior === "Contiguous" ? isMatch === before : isMatch && !before;
    before = isMatch;
    if (behavior === "Removed") {
      if (!isMatch) pieces.push(start, end);
    } else if (behavior === "Isolated" || !merged || pieces.length === 0) pieces.push(start, end);
    else if (behavior === "MergedWithNext") pieces[pieces.length - 2] = start;
    else pieces[pieces.length - 1] = end;
  };
  if (behavior === "MergedWithNext") {
    // From the end to the start, so that a match meets what follows it first.
    let to = text.length;
    for (let i = matches.length - 2; i >= 0; i -= 2) {
      if (matches[i + 1] !== to) add(matches[i + 1]!, to, invert);
      add(matches[i]!, matches[i + 1]!, !invert);
      to = matches[i]!;
    }
    if (to !== 0) add(0, to, invert);
    const turned: number[] = [];
    for (let i = pieces.length - 2; i >= 0; i -= 2) turned.push(pieces[i]!, pieces[i + 1]!);
    return turned;
  }
  let from = 0;
  for (let i = 0; i < matches.length; i += 2) {
    if (matches[i] !== from) add(from, matches[i]!, invert);
    add(matches[i]!, matches[i + 1]!, !invert);
    from = matches[i + 1]!;
  }
  if (from !== text.length) add(from, text.length, invert);
  return pieces;
}

/** The single characters for which `test` holds, as starts and ends. */
export function charsThat(text: string, test: (codePoint: number) => boolean): number[] {
  const matches: number[] = [];
  for (let i = 0; i < text.length;) {
    const code = text.codePointAt(i)!;
    const end = i + (code > 0xffff ? 2 : 1);
    if (test(code)) matches.push(i, end);
    i = end;
  }
  return matches;
}
