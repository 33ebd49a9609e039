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

/** Reads a verdict from JSON, alone or within other text, or from plain words; null if there is none. */
export function parseVerdict(reply: string, mode: JudgeMode): Verdict | null {
  // Reasoning is removed, as it may weigh other verdicts; reasoning that never ends has given none.
  const text = reply.replace(/<think>[\s\S]*?(<\/think>|$)/g, "").replace(/^[\s\S]*<\/think>/, "").trim();
  const key = mode === "score" ? "score" : "winner";
  const value = jsonValue(text, key);
  if (value !== undefined) return mode === "score" ? readScore(value) : readWinner(value);
  return mode === "score" ? wordedScore(text) : wordedWinner(text);
}

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
  const match = /^(\d+(?:\.\d+)?)(?:\s*\/\s*10)?$/.exec(text);
  return match ? inRange(match[1]!) : null;
}

function inRange(digits: string): number | null {
  const score = Number(digits);
  return score >= LEAST && score <= MOST ? score : null;
}

function readWinner(value: unknown): Verdict | null {
  if (typeof value !== "string") return null;
  const word = value.trim().replace(/^(?:response|answer|assistant|option)\s+/i, "").replace(/[.!]$/, "").toLowerCase();
  if (word === "a") return "A";
  if (word === "b") return "B";
  return word === "tie" || word === "c" || word === "draw" || word === "both" || word === "neither" ? "tie" : null;
}

const NUMBER = String.raw`(\d+(?:\.\d+)?)`;
/** Forms of a score in words, the surest first; if one form occurs several times, the last counts. */
const SCORES = [
  new RegExp(String.raw`\[\[\s*${NUMBER}\s*(?:/\s*10\s*)?\]\]`, "g"),
  new RegExp(String.raw`(?:score|rating|grade)\b["'*_\s]*(?::|=|is|of)["'*_\s]*${NUMBER}(?![\d.]*\d)(?!\s*%)`, "gi"),
  new RegExp(String.raw`(?<![\d.])${NUMBER}\s*(?:/\s*10\b|out of (?:10|ten)\b)`, "gi"),
];
/** The longest text that may be a verdict alone: on a long text these forms would take long to fail. */
const SHORT = 64;
const SCORE_ALONE = new RegExp(String.raw`^\W*${NUMBER}\W*$`);

function wordedScore(text: string): number | null {
  for (const form of SCORES) {
    const last = [...text.matchAll(form)].at(-1);
    if (last) return inRange(last[1]!);
  }
  const alone = text.length <= SHORT ? SCORE_ALONE.exec(text) : null;
  return alone ? inRange(alone[1]!) : null;
}

const SIDE = "(?i:response|answer|assistant|option)";
/** Forms of a winner in words, the surest first. Only a capital A is an answer's name: "a" is an article. */
const WINNERS = [
  /\[\[\s*(A|B|C|tie)\s*\]\]/g,
  new RegExp(
    String
      .raw`\b(?i:winner|verdict|better(?: one| response| answer)?|preference)\b["'*_\s]*(?::|=|is)["'*_\s]*(?:${SIDE}\s+|a )?["'*_]*(A|B|C|(?i:tie|draw))\b`,
    "g",
  ),
  new RegExp(
    String
      .raw`\b${SIDE}\s+["'*_]*([AB])["'*_]*\s+(?:is (?:the )?(?:clearly |slightly |much )?(?:better|best|winner)|wins)\b`,
    "g",
  ),
  /\b(?:is|it|it's) a (tie|draw)\b/g,
];
const WINNER_ALONE = new RegExp(String.raw`^\W*(?:${SIDE}\s+)?\W*(A|B|(?i:tie|draw))\W*$`);

function wordedWinner(text: string): Verdict | null {
  for (const form of WINNERS) {
    const last = [...text.matchAll(form)].at(-1);
    if (last) return readWinner(last[1]!);
  }
  const alone = text.length <= SHORT ? WINNER_ALONE.exec(text) : null;
  return alone ? readWinner(alone[1]!) : null;
}
