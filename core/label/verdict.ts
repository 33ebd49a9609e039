/** Verdicts of language models: the form that is asked for, and the reading of replies. @module */
import type { JudgeMode } from "./judge_prompt.ts";

/** A model's verdict: a score from 1 to 10, or the better of two answers. */
export type Verdict = number | "A" | "B" | "tie";

const LEAST = 1;
const MOST = 10;

/** The `response_format` of a request, which a server may enforce. */
export function responseFormat(mode: JudgeMode): Record<string, unknown> {
  const verdict = mode === "score"
    // An enumeration is used because not every server supports bounds of integers.
    ? { score: { type: "integer", enum: Array.from({ length: MOST }, (_, i) => LEAST + i) } }
    : { winner: { type: "string", enum: ["A", "B", "tie"] } };
  const properties = { reason: { type: "string" }, ...verdict };
  return {
    type: "json_schema",
    json_schema: {
      name: "verdict",
      strict: true,
      schema: { type: "object", properties, required: Object.keys(properties), additionalProperties: false },
    },
  };
}

/** What a reply says for certain that was cut at its largest length: a 1 at its very end may have been a 10. */
export function uncutPart(reply: string): string {
  return reply.replace(/(?<![\d.,])1$/, "");
}

/** A reply without its reasoning, which may weigh other verdicts; reasoning that never ends has given none. */
export function withoutReasoning(reply: string): string {
  return reply.replace(/<think>[\s\S]*?(<\/think>|$)/g, "").replace(/^[\s\S]*<\/think>/, "").trim();
}

/** Reads a verdict from JSON, alone or within other text, or from plain words; null if there is none. */
export function parseVerdict(reply: string, mode: JudgeMode): Verdict | null {
  const text = withoutReasoning(reply);
  const key = mode === "score" ? "score" : "winner";
  const value = jsonValue(text, key);
  if (value !== undefined) return mode === "score" ? readScore(value) : readWinner(value);
  const words = text.replace(FILL, (run) => run.slice(0, KEPT) + run.slice(-KEPT));
  return mode === "score" ? wordedScore(words) : wordedWinner(words);
}

/** What may stand between words, in runs that are shortened: the forms below take time quadratic in a run's length. */
const FILL = /["'*_(\s]{33,}/g;
/** The characters that are kept of such a run at either end. */
const KEPT = 16;

/** The most closing braces that are tried, and opening ones for each: a reply may be long and broken. */
const ENDS = 32;
const STARTS = 8;

/** The value of `key` in the last JSON object of a text that has this key; undefined if there is none. */
function jsonValue(text: string, key: string): unknown {
  let ends = 0;
  for (let end = text.lastIndexOf("}"); end >= 0 && ends < ENDS; end = text.lastIndexOf("}", end - 1), ends++) {
    // Tries go from the nearest brace outwards: a verdict contains no objects, but its reason may quote braces.
    for (let start = text.lastIndexOf("{", end), tries = 0; start >= 0 && tries < STARTS; tries++) {
      try {
        const value = JSON.parse(text.slice(start, end + 1));
        if (Object.hasOwn(value, key)) return value[key];
      } catch {
        // The object does not begin at this brace.
      }
      if (start === 0) break;
      start = text.lastIndexOf("{", start - 1);
    }
    if (end === 0) break;
  }
  return undefined;
}

function readScore(value: unknown): number | null {
  const text = typeof value === "number" ? String(value) : typeof value === "string" ? value.trim() : "";
  const match = /^(\d+(?:\.\d+)?)(?:\s*(?:\/|out of)\s*10)?$/.exec(text);
  return match ? inRange(match[1]!) : null;
}

function inRange(digits: string): number | null {
  const score = Number(digits);
  return score >= LEAST && score <= MOST ? score : null;
}

const SIDES = "response|answer|assistant|option|model|candidate|output";

function readWinner(value: unknown): Verdict | null {
  if (typeof value !== "string") return null;
  const word = value.trim().toLowerCase().replace(new RegExp(`^(?:${SIDES})[\\s_-]*`), "").replace(/[.!]$/, "")
    .replace(/^\((.)\)$/, "$1");
  if (word === "a") return "A";
  if (word === "b") return "B";
  return word === "tie" || word === "c" || word === "draw" || word === "both" || word === "neither" ? "tie" : null;
}

/** A number that is no part of another, of a date, of a range, or of a share of anything but ten. */
const NUMBER = String
  .raw`(?<![\d.,])(\d{1,9}(?:\.\d{1,9})?)(?![\d.,]*\d|e[-+]?\d)(?!\s*(?:%|[-–]\s*\d|to \d|\(?(?:/|out of)\s*(?!(?:10|ten)\b(?!/\d))\w))`;
const OUT_OF_TEN = String.raw`[*_]*\s*(?:/\s*10\b|out of (?:10|ten)\b)`;
/** What may stand between a name and its number: "Score (1-10): 7", "rating out of 10 = 7", "**Score**: 7". */
const TO_NUMBER = String
  .raw`["'*_\s]*(?:\([^()\n]{0,40}\)|out of (?:10|ten)\b)?["'*_\s]*(?::|=|[-–—]|\bis\b)["'*_\s]*`;
/** What makes a name that of the scale's end, not of the verdict: "the maximum score is 10". */
const SCALE = String.raw`(?<!\b(?:max|maximum|min|minimum|highest|lowest|top|best|worst|perfect|full|possible)\s+)`;
/** "A score of 9" is a verdict, unless it tells what such a score would be or need. */
const SCORE_OF = String
  .raw`(?<!\b(?:get|reach|for|not|than) an? )\b(?:score|rating|grade)\s+of\s+["'*_]*${NUMBER}(?!["'*_]*\s+(?:would|could|is|are|means|needs|requires|stands)\b)`;
/** Forms of a score in words, the surest first; if one form occurs several times, the last counts. */
const SCORES = [
  new RegExp(String.raw`(?<!\bnot )\[\[\s*(\d+(?:\.\d+)?)\s*(?:/\s*10\s*)?\]\]`, "g"),
  /<(?:score|rating|grade)>\s*(\d+(?:\.\d+)?)\s*(?:\/\s*10\s*)?<\//gi,
  /\\boxed\{\s*(?:\\text\{)?\s*(\d+(?:\.\d+)?)\s*(?:\/\s*10\s*)?\}/g,
  new RegExp(String.raw`${SCALE}\b(?:score|rating|grade)${TO_NUMBER}${NUMBER}`, "gi"),
  new RegExp(SCORE_OF, "gi"),
  new RegExp(String.raw`${NUMBER}${OUT_OF_TEN}`, "gi"),
];
/** The longest line that may be a verdict alone: on a long text these forms would take long to fail. */
const SHORT = 64;
const SCORE_ALONE = new RegExp(String.raw`^\W*${NUMBER}\W*$`);
/** A number at the beginning, then anything but a word: "8. It is right.", but not "3 mistakes". */
const SCORE_FIRST = new RegExp(String.raw`^[*_\s]*${NUMBER}[*_]*\s*(?:$|\n|[^\s\w%/])`);

function wordedScore(text: string): number | null {
  for (const form of SCORES) {
    const last = [...text.matchAll(form)].at(-1);
    if (last) return inRange(last[1]!);
  }
  const isList = /^\W*1[.)]\s/.test(text) && /\n\W{0,8}2[.)]\s/.test(text);
  const found = isList ? null : SCORE_FIRST.exec(text.slice(0, SHORT)) ?? SCORE_ALONE.exec(lastLine(text));
  return found ? inRange(found[1]!) : null;
}

/** The last line, if it is short. */
function lastLine(text: string): string {
  const line = text.slice(text.lastIndexOf("\n") + 1);
  return line.length <= SHORT ? line : "";
}

const SIDE = `(?i:${SIDES})`;
const NAMED_SIDE = String.raw`(?:${SIDE}[\s_-]+)?["'*_(]*(?:[Aa] (?=tie|draw))?`;
/** A side by its letter, which is no article, and not the first of two: "A tie", "A or B?", "A/B". */
const LETTER = String
  .raw`[ABC](?! (?:tie|draw)\b)(?!["'*_)]*\s*(?:[/&,<>=]|and\b|or\b)\s*["'*_(]*(?:${SIDE}[\s_-]+)?[ABC]\b)`;
/** Forms of a winner in words, the surest first. Only a capital A is an answer's name: "a" is an article. */
const WINNERS = [
  /(?<!\bnot )\[\[\s*(A|B|C|tie)\s*\]\]/g,
  /<(?:winner|verdict|answer)>\s*(?:(?:response|model)[\s_])?(A|B|tie)\s*<\//gi,
  /\\boxed\{\s*(?:\\text\{)?\s*(A|B|tie)\s*\}/g,
  new RegExp(
    String
      .raw`\b(?i:winner|verdict|(?:better|preferred)(?: one| response| answer)?|preference)\b["'*_\s]*(?::|=|is:?)["'*_\s]*${NAMED_SIDE}(${LETTER}|(?i:tie|draw|both|neither))\b`,
    "g",
  ),
  new RegExp(String.raw`\b(?i:winner|verdict|preference)\b["'*_\s]*(?::|=|is)["'*_\s]*(${SIDE}_[abAB])\b`, "g"),
  new RegExp(String.raw`\bI (?:prefer|choose|pick|select)\s+${NAMED_SIDE}(${LETTER})\b`, "g"),
];
/** What denies a statement that follows it in the same sentence: "I do not think that …". */
const DENIED = /\b(?:not|cannot|never|hardly|if|whether|\w{1,8}n't)\b[^.\n]{0,60}$/i;
/** How far before a statement its denial is looked for. */
const SENTENCE = 72;
const IS_BETTER = String
  .raw`is (?:the )?(?:clearly |slightly |much )?(?:better|best|winner)|wins`;
/** A question, or what the judge says of it afterwards. */
const ASSERTED = String.raw`(?!\s*[?:])`;
/** Statements of the better side. Where they differ, the one that says "overall" is the verdict. */
const BETTER = [
  new RegExp(String.raw`\b(${SIDE}_[abAB]) (?:${IS_BETTER})\b${ASSERTED}( overall)?`, "g"),
  new RegExp(
    String
      .raw`(?:\b${SIDE}\s+|(?:^|[.\n]\s*))["'*_]*([AB])["'*_]*(?:'s (?:response|answer))?\s+(?:${IS_BETTER})\b${ASSERTED}( overall)?`,
    "g",
  ),
];
const IS_TIE = /\b(?:is|[Ii]t|[Ii]t's) a (tie|draw)\b/g;
/** Arena-Hard's form: A>>B, A>B, A=B, B>A, B>>A; in brackets, alone, or after a name. */
const COMPARISON =
  /(?:(?<!\bnot )\[\[\s*|^\W*|\b(?:[Ww]inner|[Vv]erdict|[Pp]reference)["'*_]*:["'*_\s]*)(?<left>[AB])\s*(?<sign>>>?|<<?|=)\s*(?<right>[AB])(?:\s*\]\]|\W*$|["'*_]*[.\n])/g;
const WINNER_ALONE = new RegExp(String.raw`^\W*(?:(?i:final )?${SIDE}[:\s]+)?\W*(A|B|(?i:tie|draw))\W*$`);
const MODEL_ALONE = new RegExp(String.raw`^\W*(${SIDE}_[abAB]|${SIDE} \([ab]\))\W*$`);

function wordedWinner(text: string): Verdict | null {
  const compared = [...text.matchAll(COMPARISON)].at(-1);
  if (compared) return readComparison(compared);
  for (const form of WINNERS) {
    const last = [...text.matchAll(form)].at(-1);
    if (last) return readWinner(last[1]!);
  }
  for (const form of BETTER) {
    const stated = [...text.matchAll(form)].filter(({ index }) =>
      !DENIED.test(text.slice(Math.max(0, index - SENTENCE), index))
    );
    if (stated.length > 0) return statedWinner(stated);
  }
  if ([...text.matchAll(IS_TIE)].length > 0) return "tie";
  const line = lastLine(text);
  const alone = WINNER_ALONE.exec(line) ?? MODEL_ALONE.exec(line);
  return alone ? readWinner(alone[1]!) : null;
}

/** The side of statements that agree, or else of those that say "overall"; null if these do not agree either. */
function statedWinner(stated: readonly RegExpExecArray[]): Verdict | null {
  const overall = stated.filter((match) => match[2] !== undefined);
  for (const matches of [stated, overall]) {
    const sides = new Set(matches.map((match) => readWinner(match[1]!)));
    if (sides.size === 1) return [...sides][0]!;
  }
  return null;
}

function readComparison(match: RegExpExecArray): Verdict | null {
  const { left, sign, right } = match.groups!;
  if (left === right) return null;
  if (sign === "=") return "tie";
  return (sign!.startsWith(">") ? left : right) as Verdict;
}
