/** What a sweep runs: every combination of the values of some keys, each with every seed. @module */
import { UserError } from "../error.ts";

/** Settings that are tried, under a name. */
export interface Variant {
  /** As in tables, such as `beta=0.05 noise=none`. */
  name: string;
  /** `key=value` overrides of the config. */
  set: readonly string[];
}

/** Most runs of a sweep: more of them is a slip of the keyboard. */
const MOST_RUNS = 1000;

/** Longest name of a folder, in characters; file systems take 255 bytes. */
const MOST_NAME = 120;

/**
 * Every combination of what `vary` lists, each entry as `KEY=VALUE,VALUE`; commas within brackets, braces and quotes
 * belong to a value. Throws a UserError naming the entry that is wrong.
 */
export function variantsOf(vary: readonly string[]): Variant[] {
  const keys = vary.map((entry) => {
    const at = entry.indexOf("=");
    const [key, values] = [entry.slice(0, at).trim(), splitValues(entry.slice(at + 1))];
    if (at < 1 || key === "" || values.some((value) => value === "")) {
      throw new UserError(
        `Cannot vary ${JSON.stringify(entry)}: expected KEY=VALUE,VALUE such as training.beta=0.05,0.1`,
      );
    }
    const twice = values.find((value, i) => values.indexOf(value) < i);
    if (twice !== undefined) throw new UserError(`Cannot vary ${key}: ${twice} stands there twice, expected it once`);
    return { key, values };
  });
  const again = keys.find(({ key }, i) => keys.findIndex((other) => other.key === key) < i);
  if (again) throw new UserError(`Cannot vary ${again.key}: --vary names it twice, expected all its values in one`);
  const short = keys.map(({ key }) => key.slice(key.lastIndexOf(".") + 1));
  const shown = keys.map(({ key }, i) => short.indexOf(short[i]!) === short.lastIndexOf(short[i]!) ? short[i]! : key);
  let variants: Variant[] = [{ name: "", set: [] }];
  for (const [i, { key, values }] of keys.entries()) {
    if (variants.length * values.length > MOST_RUNS) {
      throw new UserError(`Cannot sweep: these values make more than ${MOST_RUNS} runs, expected fewer`);
    }
    variants = variants.flatMap(({ name, set }) =>
      values.map((value) => ({ name: `${name} ${shown[i]}=${value}`.trim(), set: [...set, `${key}=${value}`] }))
    );
  }
  return variants;
}

/** The seeds that `text` says: `5` is 1 to 5, `7,8` are those. Throws a UserError if it says neither. */
export function seedsOf(text: string): number[] {
  const numbers = text.split(",").map((part) => /^\s*\d+\s*$/.test(part) ? Number(part) : NaN);
  const seeds = numbers.length === 1
    ? Array.from({ length: Math.min(numbers[0]!, MOST_RUNS + 1) || 0 }, (_, i) => i + 1)
    : numbers;
  const isValid = seeds.length > 0 && seeds.every((seed) => seed < 2 ** 32) && new Set(seeds).size === seeds.length;
  if (!isValid || seeds.length > MOST_RUNS) {
    const expected = `a number of seeds from 1 to ${MOST_RUNS}, or seeds below 2^32 such as 7,8,9, each once`;
    throw new UserError(`Cannot sweep: --seeds is ${JSON.stringify(text)}, expected ${expected}`);
  }
  return seeds;
}

/** The path of a variant's run below the sweep's folder. */
export function runPath({ name }: Variant, seed: number | null): string {
  const folder = name.replace(/[^\w.=+-]+/g, "-").replace(/^[.-]+|-+$/g, "").slice(0, MOST_NAME);
  return [folder, seed === null ? "" : `seed-${seed}`].filter((part) => part !== "").join("/");
}

/** Splits at the commas that stand within no bracket, brace or quote. */
function splitValues(text: string): string[] {
  const values = [""];
  let depth = 0;
  let quote = "";
  for (const char of text) {
    if (quote === "" && depth === 0 && char === ",") {
      values.push("");
      continue;
    }
    if (quote !== "") quote = char === quote ? "" : quote;
    else if (char === '"' || char === "'") quote = char;
    else if ("[{".includes(char)) depth++;
    else if ("]}".includes(char)) depth--;
    values[values.length - 1] += char;
  }
  return values.map((value) => value.trim());
}
