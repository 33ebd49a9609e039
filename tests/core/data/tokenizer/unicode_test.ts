/** Each character is to every component what it is to Rust's library, whatever the engine's version of Unicode. @module */
import { deepEqual } from "node:assert/strict";
import { readNormalizer } from "../../../../core/data/tokenizer/normalizers.ts";
import { readPreTokenizer } from "../../../../core/data/tokenizer/pre_tokenizers.ts";
import goldens from "./goldens/unicode.json" with { type: "json" };

const LIMIT = 1000;

/** FNV-1a of the UTF-16 units. */
function hashed(texts: Iterable<string>): string {
  let value = 0x811c9dc5;
  for (const text of texts) {
    for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  return (value >>> 0).toString(16).padStart(8, "0");
}

/** The blocks in which `run` does something else than Rust. */
function differing(run: (text: string) => string, { blocks, forms }: { blocks: string; forms: string[] }): string[] {
  return goldens.starts.flatMap((start, i) => {
    const texts = function* (): Generator<string> {
      for (let code = Math.max(1, start); code < start + goldens.block; code++) {
        if (code >= 0xd800 && code <= 0xdfff) continue;
        for (const form of forms) yield run(form.replace("@", () => String.fromCodePoint(code))) + "\0";
      }
    };
    return hashed(texts()) === blocks.slice(8 * i, 8 * i + 8) ? [] : [start.toString(16)];
  });
}

Deno.test("normalizers change each character as Rust does", () => {
  for (const [name, { part, blocks }] of Object.entries(goldens.normalizers)) {
    const normalize = readNormalizer(part)!;
    deepEqual(differing((text) => normalize(text, LIMIT), { blocks, forms: goldens.surrounded }), [], name);
  }
});

Deno.test("pre-tokenizers and classes of patterns know each character as Rust does", () => {
  for (const [name, { part, blocks }] of Object.entries(goldens.pre_tokenizers)) {
    const { split } = readPreTokenizer(part, { normalizes: false });
    const run = (text: string): string => split({ texts: [text], atStart: true }, LIMIT).texts.join("\x01");
    deepEqual(differing(run, { blocks, forms: ["a@a"] }), [], name);
  }
});
