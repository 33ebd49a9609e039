/**
 * The number of a text's sentences, by the rules of Punkt (T. Kiss, J. Strunk, Unsupervised Multilingual Sentence
 * Boundary Detection, 2006) as NLTK applies them, with a list of abbreviations and of words that begin sentences of our
 * own in place of those that were learned from a newspaper. @module
 */
import { isSpace, SPACE } from "../../data/tokenizer/template/python_strings.ts";
import { isLower, isUpper } from "./capital_words.ts";

/** Abbreviations, without their last period. */
export const ABBREVIATIONS: ReadonlySet<string> = new Set(
  ("mr mrs ms dr prof st rev hon gen col capt cpt lt sgt maj cmdr gov sen rep pres supt atty jr sr messrs mme mlle " +
    "inc ltd co corp bros assn dept univ est etc vs v cf e.g i.e eg ie al approx no nos vol vols ed eds fig figs p pp " +
    "ch sec art a.m p.m a.d b.c u.s u.k u.n u.s.a d.c ph.d m.d b.a m.a jan feb mar apr jun jul aug sept sep oct nov " +
    "dec mon tue tues wed thu thur thurs fri sat sun mt ft ave blvd rd ln hwy min max tel ext oz lb lbs").split(" "),
);

/** Words that begin a sentence where they have a capital letter after an abbreviation. */
export const STARTERS: ReadonlySet<string> = new Set(
  ("the a an he she it we they you this that these those there here but and or so if when while although because " +
    "however in on at for with as to from by after before since what who why how where his her their our your its my " +
    "also then finally first second next").split(" "),
);

const S = `[${SPACE}]`;
const NOT_S = `[^${SPACE}]`;
/** What may stand after a sentence's end, or before a word, and is no part of a word. */
const OUTSIDE = "[)\";}\\]*:@'({\\[\u2018\u2019\u201c\u201d«»!?]";
const MARKS = `(?:-{2,}|\\.{2,}|(?:\\.${S}){2,}\\.)`;

/** Where a sentence may end: before a mark, or before white space and a word. */
const ENDS = new RegExp(`[.?!](?=(?<after>${OUTSIDE}|${S}+(?<next>${NOT_S}+)))`, "gd");
const WORDS = new RegExp(
  `${MARKS}|(?=[^("\`{[:;&#*@)}\\]\\-,])${NOT_S}+?(?=${S}|$|${OUTSIDE}|${MARKS}|,(?=$|${S}|${OUTSIDE}|${MARKS}))|${NOT_S}`,
  "g",
);
/** Closing marks that belong to the sentence before. */
const CLOSING = new RegExp(`["')\\]}\u2018\u2019\u201c\u201d«»]+?(?:${S}+|(?=--)|$)`, "my");

/** Counts sentences; a text without one has none. */
export function sentenceCount(text: string): number {
  const starts = [0];
  const stops: number[] = [];
  for (const { at, next, context } of possibleEnds(text)) {
    if (!hasBreak(context)) continue;
    stops.push(at + 1);
    starts.push(next ?? at + 1);
  }
  stops.push(text.replace(new RegExp(`${S}+$`), "").length);
  // Closing marks move to the sentence before; a sentence that was nothing else is none.
  let moved = 0;
  let count = 0;
  starts.forEach((start, i) => {
    const from = start + moved;
    moved = 0;
    if (i + 1 < starts.length && stops[i + 1]! > starts[i + 1]!) {
      CLOSING.lastIndex = 0;
      const closing = CLOSING.exec(text.slice(starts[i + 1], stops[i + 1]))?.[0];
      if (closing !== undefined) {
        moved = closing.length;
        count++;
        return;
      }
    }
    if (stops[i]! > from) count++;
  });
  return count;
}

interface PossibleEnd {
  at: number;
  /** Where the next word begins; null if a mark follows at once. */
  next: number | null;
  /** The word before, the mark and what follows. */
  context: string;
}

/** Where sentences may end; of ends within one word the last. */
function possibleEnds(text: string): PossibleEnd[] {
  const found: PossibleEnd[] = [];
  let word = { start: 0, stop: 0 };
  let before: PossibleEnd | null = null;
  for (const match of text.matchAll(ENDS)) {
    const at = match.index;
    let gap = at - 1;
    while (gap > word.stop && !isSpace(text[gap]!)) gap--;
    const start = gap > word.stop ? gap + 1 : word.start;
    if (before !== null && word.stop <= start) found.push(before);
    word = { start, stop: at };
    const next = (match as RegExpMatchArray & { indices?: { groups?: Record<string, [number, number] | undefined> } })
      .indices?.groups?.next?.[0] ?? null;
    before = { at, next, context: text.slice(start, at) + match[0] + match.groups!.after };
  }
  if (before !== null) found.push(before);
  return found;
}

interface Word {
  text: string;
  isBreak: boolean;
  isAbbreviation: boolean;
}

/** Whether a sentence ends before the last word of a text. */
function hasBreak(context: string): boolean {
  const words = context.split("\n").flatMap((line) => line.match(WORDS) ?? []).map(firstLook);
  words.forEach((word, i) => {
    const next = words[i + 1];
    if (next !== undefined && word.text.endsWith(".")) secondLook(word, next);
  });
  return words.slice(0, -1).some(({ isBreak }) => isBreak);
}

function firstLook(text: string): Word {
  const isMark = /^[.?!]$/.test(text);
  const ends = !isMark && /[^.]\.$/.test(text);
  const name = text.slice(0, -1).toLowerCase();
  const isAbbreviation = ends && (ABBREVIATIONS.has(name) || ABBREVIATIONS.has(name.split("-").at(-1)!));
  return { text, isAbbreviation, isBreak: isMark || ends && !isAbbreviation };
}

/** The word after a period may tell whether the period ends a sentence. */
function secondLook(word: Word, { text: next, isBreak: ends }: Word): void {
  const { text } = word;
  const isInitial = /^[\p{L}_]\.$/u.test(text);
  const isEllipsis = /^\.\.+$/.test(text);
  const [first = ""] = next;
  const kind = kindOf(next);
  const type = ends && kind.length > 1 && kind.endsWith(".") ? kind.slice(0, -1) : kind;
  const begins = ";:,.!?".includes(next)
    ? false
    : isUpper(first) && STARTERS.has(type)
    ? true
    : isLower(first)
    ? false
    : null;
  if ((word.isAbbreviation || isEllipsis) && !isInitial) {
    if (begins === true) word.isBreak = true;
    return;
  }
  if (!isInitial && kindOf(text).replace(/\.$/, "") !== "##number##") return;
  if (begins === false || begins === null && isInitial && isUpper(first)) word.isBreak = false;
}

/** A word in small letters; numbers are all of one kind. */
function kindOf(text: string): string {
  return text.toLowerCase().replace(/^-?[.,]?\d[\d,.-]*\.?$/, "##number##");
}
