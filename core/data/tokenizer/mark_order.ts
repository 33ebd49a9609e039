/** Puts long runs of combining marks into order before the engine does, which takes it the square of their length. @module */

/** Shorter runs, as all texts in any language have, are left to the engine. */
const LONG_RUN = /\p{M}{65,}/gu;

/** The normal form of a text. */
export function normalizeText(text: string, form: "NFC" | "NFD" | "NFKC" | "NFKD"): string {
  return text.replace(LONG_RUN, inOrder).normalize(form);
}

/** The marks decomposed, and in canonical order between two that do not move. */
function inOrder(run: string): string {
  const marks = Array.from(run, (mark) => mark.normalize("NFD")).flatMap((parts) => [...parts]);
  const kinds = [...new Set(marks)];
  const fixed = new Set(kinds.filter(isFixed));
  // Marks of the same class keep their order, so that they share a rank.
  const ranks = new Map<string, number>();
  const moving = kinds.filter((mark) => !fixed.has(mark)).sort(compare);
  for (const [i, mark] of moving.entries()) {
    const before = moving[i - 1];
    ranks.set(mark, before !== undefined && compare(before, mark) === 0 ? ranks.get(before)! : i);
  }
  const ordered: string[] = [];
  for (let i = 0; i < marks.length;) {
    let end = i;
    while (end < marks.length && !fixed.has(marks[end]!)) end++;
    for (const mark of marks.slice(i, end).sort((a, b) => ranks.get(a)! - ranks.get(b)!)) ordered.push(mark);
    if (end < marks.length) ordered.push(marks[end]!);
    i = end + 1;
  }
  return ordered.join("");
}

/** Compares two marks by their combining classes, which the engine tells by putting them into order. */
function compare(a: string, b: string): number {
  if (!isOrdered(a + b)) return 1;
  return isOrdered(b + a) ? 0 : -1;
}

/** Whether a mark's class is 0: nothing moves past it, neither of the lowest class nor of a high one. */
function isFixed(mark: string): boolean {
  return isOrdered(`${mark}\u0334`) && isOrdered(`\u0301${mark}`);
}

function isOrdered(marks: string): boolean {
  return marks.normalize("NFD") === marks;
}
