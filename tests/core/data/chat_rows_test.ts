import { deepEqual, ok, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { encodeRow } from "../../../core/data/encode_row.ts";
import { type JsonObject, parseExact } from "../../../core/data/formats/json_numbers.ts";
import type { DataRow } from "../../../core/data/parse_row.ts";
import { parseRow } from "../../../core/data/parse_row.ts";
import { loadTokenizer, type Tokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { withFolder, writeTokenizer } from "./_fixtures.ts";

type Side = [text: string, digest: string];
/** Its rows have numbers with their digits. */
const { value: goldens } = parseExact(
  await Deno.readTextFile(new URL("./tokenizer/goldens/chat_rows.json", import.meta.url)),
) as unknown as {
  value: {
    tokenizer: unknown;
    templates: Record<string, string | Record<string, string>>;
    cases: { name: string; row: JsonObject; sides: Record<string, Expected> }[];
  };
};

type Expected = { error: string } | (Side | { mask: string })[];

/** The ids as the golden tells them. */
function told(tokenizer: Tokenizer, ids: readonly number[]): Side {
  const bytes = new Uint8Array(Uint16Array.from(ids).buffer);
  return [tokenizer.decode(ids), createHash("sha256").update(bytes).digest("hex").slice(0, 16)];
}

function loadAll(): Promise<Map<string, Tokenizer>> {
  return withFolder(async (dir) => {
    const tokenizers = new Map<string, Tokenizer>();
    for (const [name, template] of Object.entries(goldens.templates)) {
      const list = typeof template === "string"
        ? template
        : Object.entries(template).map(([name, template]) => ({ name, template }));
      const config = { chat_template: list, bos_token: "<s>", eos_token: "<|eot|>" };
      await writeTokenizer(dir, { json: goldens.tokenizer, config });
      tokenizers.set(name, await loadTokenizer(dir));
    }
    return tokenizers;
  });
}

function encode(tokenizer: Tokenizer, value: JsonObject): Side[] {
  const { shape: _, ...fields } = parseRow(value);
  const row: DataRow = { ...fields, row: 0, where: "row" };
  const isPair = row.kind.endsWith("pair");
  const { promptIds, answers } = encodeRow(row, { tokenizer, joint: !isPair }, isPair ? 2 : 1);
  const sides = [promptIds, ...answers.map(({ ids }) => ids)];
  // A conversation is one whole to TRL's SFT.
  const isWhole = Object.hasOwn(value, "messages");
  return (isWhole ? [sides.flat()] : sides).map((ids) => told(tokenizer, ids));
}

Deno.test("encodeRow() gives TRL's ids of conversations with tools, calls, parts and variables of the template", async () => {
  const tokenizers = await loadAll();
  let equal = 0;
  for (const { name, row, sides } of goldens.cases) {
    for (const [template, expected] of Object.entries(sides)) {
      const tokenizer = tokenizers.get(template)!;
      if (!Array.isArray(expected)) {
        throws(() => encode(tokenizer, row), { name: "UserError" }, `${name}, ${template}`);
        continue;
      }
      const whole = expected.filter((side): side is Side => Array.isArray(side));
      deepEqual(encode(tokenizer, row), whole, `${name}, ${template}`);
      equal++;
    }
  }
  ok(equal > 50, `${equal}`);
});

Deno.test("encodeRow() marks the assistant's turns as transformers does where there are tools", async () => {
  const tokenizer = (await loadAll()).get("qwen")!;
  const { row, sides } = goldens.cases.find(({ name }) => name === "a whole conversation")!;
  const { shape: _, ...fields } = parseRow(row);
  const encoded = encodeRow({ ...fields, row: 0, where: "row" }, { tokenizer, allTurns: true }, 1);
  const [answer] = encoded.answers;
  const written = answer!.ids.filter((_, i) => answer!.lossMask![i]);
  const expected = sides.qwen as [Side, { mask: string }];
  deepEqual(tokenizer.decode(written), expected[1].mask);
});
