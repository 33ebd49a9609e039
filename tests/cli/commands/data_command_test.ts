import assert from "node:assert/strict";
import { describeData } from "../../../cli/data_text.ts";
import { previewData } from "../../../core/plan/data_preview.ts";
import { dnpo, succeeded, writeConfig } from "../../_shared/dnpo.ts";
import { jsonLines } from "../../_shared/tiny_model.ts";
import { configOf, withChat } from "../../core/loop/_runs.ts";

// deno-lint-ignore no-control-regex
const UNSAFE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

/** Text that would clear the screen, turn what follows, and forge a line. */
const HOSTILE = "a\x1b[2J\u202eb\rerror: forged";

Deno.test("dnpo data shows rows with marks where there are no colours, and the same as JSON", () =>
  withChat(async (dir) => {
    const model = `${dir}/model`;
    const talk = ["hello", "ab", "a", HOSTILE].map((content) => ({
      messages: [{ role: "user", content }, { role: "assistant", content: "ba" }],
    }));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(talk));
    const keys = { model, method: "sft", data: { train: `${dir}/rows.jsonl`, max_length: 30 } };
    const path = await writeConfig({ ...keys, output_dir: `${dir}/run` });
    const out = succeeded(["data", path], await dnpo(["data", path, "--rows", "9"]));
    assert.doesNotMatch(out, UNSAFE);
    assert.match(out, /^Use {9}the answers are trained on$/m);
    assert.match(out, /^Tokens: │ between them, ⟦trained on⟧, the rest is read only$/m);
    assert.match(out, /^ {4}⟦ba│<\|im_end\|>│ │↵⟧/m);
    assert.match(out, /^ {4}<\|im_start\|>│ │u│s│e│r│↵$/m);
    const longer = await dnpo(["data", path, "--rows", "9", "--set", "data.max_length=60"]);
    assert.match(longer.out, /\\u001b/);
    assert.doesNotMatch(longer.out, UNSAFE);
    assert.doesNotMatch(longer.out, /^error: forged/m);
    assert.match(out, /^ {2}dropped {3}1: its prompt alone reaches max_length 30 \(.*rows\.jsonl:4\)$/m);
    assert.match(out, /│ +30 │ +1 │ +0 │ +\d+\.\d % │ as set +│/);

    const { samples, train } = JSON.parse(succeeded(["data"], await dnpo(["data", path, "--json", "--rows", "1"])));
    assert.deepEqual([samples.length, train.rows, train.dropped.length], [1, 4, 1]);
    assert.equal((await Array.fromAsync(Deno.readDir(dir))).some(({ name }) => name === "run"), false);
    const wrong = await dnpo(["data", path, "--rows", "some"]);
    assert.deepEqual([wrong.code, wrong.err], [1, 'error: --rows: expected a number from 0 on, got "some"\n']);
  }));

Deno.test("in colours the marks are gone, and every other token is underlined", () =>
  withChat(async (dir) => {
    const preview = await previewData(await configOf(dir, {}), { samples: 1 });
    const text = describeData(preview, { isStyled: true, columns: Infinity });
    assert.doesNotMatch(text.split("\n").filter((line) => line.startsWith("    ")).join("\n"), /[│⟦⟧]/);
    const { prompt: [first, second], answers: [answer] } = preview.samples[0]!;
    assert(text.includes(`\x1b[90m${first!.text}\x1b[39m`), JSON.stringify(text));
    assert(text.includes(`\x1b[90m\x1b[4m${second!.text}\x1b[24m\x1b[39m`));
    assert(text.includes(`\x1b[32m${answer!.tokens[0]!.text}\x1b[39m`));
  }));

Deno.test("of long rows the beginning and the end are shown", () =>
  withChat(async (dir) => {
    const row = { prompt: "a", response: "b".repeat(500) };
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines([row]));
    const preview = await previewData(await configOf(dir, { method: "sft" }));
    const text = describeData(preview, { isStyled: false, columns: Infinity });
    const [answer] = preview.samples[0]!.answers;
    assert.match(text, new RegExp(`^ {4}\\[${answer!.tokens.length - 220} tokens more\\]$`, "m"));
    assert.match(text, /⟧$/m);
  }));
