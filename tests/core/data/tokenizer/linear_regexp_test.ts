/** What LinearRegExp finds is what JavaScript's own engine finds, and in time linear in the text. @module */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { LinearRegExp } from "../../../../core/data/tokenizer/linear_regexp.ts";

/** Patterns of published tokenizers (GPT-2; Llama 3; Qwen2 and Qwen3; GPT-4o; digits in threes). */
const PUBLISHED = [
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "\\d{1,3}(?=(?:\\d{3})*\\b)",
];

const TEXT =
  "Hello, WORLD's  end?\r\n\n\tWe'LL see: 1234567 Größe naïve e\u0301 日本語テキスト 😀👍🏽 (x+y)^2 != “quoted” \u00a0 ";

/** What JavaScript's engine finds, without the empty matches that follow another match directly. */
function foundBy(pattern: RegExp, text: string): number[] {
  let last = -1;
  return [...text.matchAll(pattern)].flatMap(({ index, 0: match }) => {
    const end = index + match.length;
    if (match === "" && index === last) return [];
    last = end;
    return [index, end];
  });
}

/** A pattern as JavaScript writes it: Oniguruma's lines end before `\n`, and it knows other white space. */
function inJavaScript(source: string): RegExp {
  return new RegExp(
    source.replaceAll("(?<name>a)", "(?:a)").replaceAll("\\s", "\\p{White_Space}")
      .replaceAll("\\S", "\\P{White_Space}").replaceAll(/\^(?![^[]*\])/g, "(?:(?<![^])|(?<=\\n)(?=[^]))")
      .replaceAll("$", "(?![^\\n])"),
    "gu",
  );
}

Deno.test("LinearRegExp finds what RegExp does in published tokenizers' patterns", () => {
  for (const pattern of PUBLISHED) {
    for (let from = 0; from < TEXT.length; from += 7) {
      const text = TEXT.slice(from).toWellFormed() + TEXT;
      deepEqual(new LinearRegExp(pattern).matches(text), foundBy(inJavaScript(pattern), text), pattern);
    }
  }
});

Deno.test("LinearRegExp finds what RegExp does in patterns at random", () => {
  let state = 3;
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * n);
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const atoms = ["a", "b", "c", "[ab]", "[^a]", "\\s", "\\p{L}", ".", "[a-c]", "\\u0061", "\\n"];
  const quantifiers = ["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?", "??"];
  const pattern = (depth: number): string => {
    const inner = (): string => pattern(depth - 1);
    switch (below(depth > 0 ? 9 : 3)) {
      case 3:
        return inner() + inner();
      case 4:
        return `(?:${inner()}|${inner()})`;
      case 5:
        return `(?:${inner()})${pick(quantifiers)}`;
      case 6:
        return `(?${pick(["=", "!"])}${inner()})${inner()}`;
      case 7:
        return `(?i:${inner()})`;
      case 8:
        return pick(["^", "$", "\\b", "(?<name>a)"]) + inner();
      default:
        return pick(atoms);
    }
  };
  let compared = 0;
  for (let i = 0; i < 1500; i++) {
    const source = below(3) > 0 ? pattern(4) : `${pattern(3)}|${pattern(3)}`;
    let linear: LinearRegExp;
    try {
      linear = new LinearRegExp(source);
    } catch {
      continue; // What may be empty is repeated, or one name is given twice.
    }
    for (let j = 0; j < 3; j++) {
      const text = Array.from({ length: below(9) }, () => pick([..."abcaA \n"])).join("");
      deepEqual(linear.matches(text), foundBy(inJavaScript(source), text), `${source} in ${JSON.stringify(text)}`);
      compared++;
    }
  }
  ok(compared > 2000, `${compared}`);
});

Deno.test("LinearRegExp takes time linear in the text where backtracking takes forever", () => {
  for (
    const pattern of [
      "(a|a)*b",
      "(a|ab)*c",
      "(a+)+$|(a+)+b",
      "a*a*a*a*a*b",
      "(?=(?:a|aa)*x)a",
      `${"a?".repeat(30)}${"a".repeat(30)}b`,
    ]
  ) {
    const linear = new LinearRegExp(pattern);
    const milliseconds = (length: number): number => {
      const started = performance.now();
      linear.matches("a".repeat(length));
      return performance.now() - started;
    };
    milliseconds(1000);
    const took = milliseconds(20_000);
    ok(took < 15_000, `${pattern} took ${took} ms`);
  }
  equal(new LinearRegExp("(a|a)*b|a").matches("a".repeat(50_000)).length, 100_000);
});

Deno.test("LinearRegExp refuses what it cannot do in linear time", () => {
  for (
    const pattern of [
      "(?<=ab)b",
      "(?<!a|b)b",
      "(?<=^)b",
      "(?<=",
      "(?<!a",
      "(a)\\1",
      "(?<n>a)\\k<n>",
      "(a?)*",
      "(?:a|){2}",
      "(?:a{5000}){9}",
    ]
  ) {
    throws(() => new LinearRegExp(pattern), SyntaxError, pattern);
  }
});
