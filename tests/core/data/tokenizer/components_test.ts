/**
 * Every component of a tokenizer with every option gives the ids of Rust's library, or is refused by name.
 *
 * @module
 */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { loadTokenizer, type Tokenizer } from "../../../../core/data/tokenizer/tokenizer.ts";
import { memoryFiles } from "../../../../core/files/model_files.ts";
import goldens from "./goldens/components.json" with { type: "json" };

/** A case of components.py; null where Rust itself fails. */
interface Case {
  name: string;
  json: Record<string, unknown>;
  /** Which list of texts was encoded. */
  texts?: number | null;
  ids?: (number[] | null)[];
  with_special?: (number[] | null)[];
  /** The text, and the one without special tokens if it is another; of the shared ids, or of the case's own. */
  decodes?: ((string | null)[] | { ids?: number[]; text: string | null; skipped?: string | null })[];
}

const CASES = goldens.cases as unknown as Case[];

/** What Rust takes and we do not, by the beginning of the message. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  "pre_tokenizer UnicodeScripts": /pre_tokenizer "UnicodeScripts" is not supported, expected one of BertPreTokenizer, /,
  "pattern (?<=ab)b": /the pattern .+: it looks behind for more than a character, which is not supported$/,
  "pattern (?<!a|b)b": /looks behind/,
  "pattern (a)\\1": /it holds \\1, which is not supported$/,
  "pattern (?>a+)b": /it holds a group \(\?>a, which is not supported$/,
  "pattern (?:ab)++": /possessive/,
  "pattern a{2}?": /it holds \{2\}\?, which is not supported$/,
  "pattern a{1,2}+": /it holds \{1,2\}\+/,
  "pattern (?i)ss|st": /it ignores the case of ss/,
  "pattern (?i)é": /a case of é that is ignored/,
  "pattern (?i)\\p{Lu}": /it holds \\p\{Lu\}/,
  "pattern [a&&]": /it holds \[a&&/,
  "pattern \\X": /it holds \\X/,
  "pattern \\R": /it holds \\R/,
  "pattern a\\K": /it holds \\K/,
  "pattern \\Ga": /it holds \\G/,
  "pattern (?x) a b": /it holds a group \(\?x\)/,
  "pattern (?#c)a": /it holds a group \(\?#c/,
  "pattern \\101": /it holds \\1/,
  "pattern (?:a?)*b": /it repeats what may be empty/,
  "pattern a(?i)b|c": /it holds a group \(\?i\)/,
  "pattern \\p{Cherokee}": /it holds \\p\{Cherokee\}/,
};

function load(json: Record<string, unknown>): Promise<Tokenizer> {
  const whole: Record<string, unknown> = { ...goldens.base };
  for (const [key, value] of Object.entries(json)) {
    whole[key] = typeof value === "number" ? goldens.shared[value] : value;
  }
  const files = { "tokenizer.json": JSON.stringify(whole), "tokenizer_config.json": "{}" };
  return loadTokenizer(memoryFiles(files, { name: "dir" }));
}

for (const group of new Set(CASES.map(({ name }) => name.split(" ")[0]!))) {
  Deno.test(`loadTokenizer() gives Rust's ids, or refuses by name: ${group}`, async () => {
    const wrong: string[] = [];
    for (const { name, json, texts: list, ids, with_special, decodes } of CASES) {
      if (!name.startsWith(`${group} `)) continue;
      const refusal = REFUSED[name];
      if (refusal) {
        await rejects(load(json), { name: "UserError", message: refusal }, name);
        continue;
      }
      const compare = (what: string, run: () => unknown, expected: unknown): void => {
        try {
          const found = run();
          if (expected !== null) deepEqual(found, expected);
        } catch (error) {
          const text = JSON.stringify({ expected, error: String(error).slice(0, 600) });
          if (expected !== null || !/^UserError: Cannot encode with/.test(String(error))) {
            wrong.push(`${name}, ${what}: ${text}`);
          }
        }
      };
      let tokenizer: Tokenizer;
      try {
        tokenizer = await load(json);
      } catch (error) {
        wrong.push(`${name}: ${error}`);
        continue;
      }
      const texts = goldens.texts[list ?? 0]!;
      for (const [i, expected] of (ids ?? []).entries()) {
        compare(JSON.stringify(texts[i]), () => tokenizer.encode(texts[i]!, { addSpecialTokens: false }), expected);
      }
      for (const [i, expected] of (with_special ?? ids ?? []).entries()) {
        compare(`${JSON.stringify(texts[i])} with special tokens`, () => tokenizer.encode(texts[i]!), expected);
      }
      for (const [i, row] of (decodes ?? []).entries()) {
        const each = Array.isArray(row) ? goldens.decoded[i]! : row.ids!;
        const [text, skipped = text] = Array.isArray(row) ? row : [row.text, row.skipped];
        compare(`decoding ${each}`, () => tokenizer.decode(each), text);
        compare(`decoding ${each} without`, () => tokenizer.decode(each, { skipSpecialTokens: true }), skipped);
      }
    }
    equal(wrong.length, 0, `${wrong.length} differ:\n${wrong.slice(0, 30).join("\n")}`);
  });
}
