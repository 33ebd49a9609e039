/** The known word that a misspelt one was probably meant to be. @module */

/** The number of edits (insert, delete, replace, swap of neighbours) that turn one word into the other. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}

/** What parts the words of a name. */
const BETWEEN = /[_\-/.\s]+/;

/**
 * How unlike a known name a word is: the edits, at most 1 for initials (`lr`) and for words of the name that follow each
 * other (`batch_size`; the last one may be cut short, and what parts them may differ or be missing: `beta_1`).
 */
export function unlikeness(word: string, name: string): number {
  const edits = editDistance(word, name);
  const parts = name.split(BETWEEN);
  const plain = word.split(BETWEEN).join("");
  const abbreviated = (parts.length > 1 && word === parts.map((part) => part[0]).join("")) ||
    (plain.length >= 3 && parts.some((_, i) => parts.slice(i).join("").startsWith(plain)));
  return abbreviated ? Math.min(1, edits) : edits;
}

/** The most that a known name may be unlike a word that was meant to be it. */
export function nearEnough(word: string): number {
  return Math.max(1, word.length / 3);
}

/** The one of `words` that `word` is probably a misspelling of; undefined if none is near enough. */
export function nearestWord(word: string, words: readonly string[]): string | undefined {
  const typed = word.slice(0, 64).toLowerCase().replaceAll("-", "_");
  const shared = (name: string): number => {
    let length = 0;
    while (length < name.length && name[length] === typed[length]) length++;
    return length;
  };
  const [nearest] = words.map((name) => ({ name, distance: unlikeness(typed, name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance || shared(b.name) - shared(a.name));
  return nearest && nearest.distance <= nearEnough(typed) ? nearest.name : undefined;
}
