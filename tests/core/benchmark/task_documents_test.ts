import { deepEqual, equal, throws } from "node:assert/strict";
import { sampleHashes, taskHash } from "../../../core/benchmark/sample_hashes.ts";
import { documentsOf } from "../../../core/benchmark/task_documents.ts";
import { generationKwargs, generationSettings, parseGenKwargs } from "../../../core/benchmark/generation_settings.ts";
import { type JsonObject, jsonText, parseExact } from "../../../core/data/formats/json_numbers.ts";
import { sha256 } from "../../../core/files/digest.ts";
import goldens from "./goldens/python_calls.json" with { type: "json" };
import { firstRequest, openRows, taskConfig } from "./_tasks.ts";

Deno.test("rows of a split have the same columns in the same order, and floats beside floats", () => {
  const docs = documentsOf(taskConfig("piqa"), [
    parseExact('{"a": 1, "b": {"x": 1, "y": [1]}, "ragged": {"x": 1}}').value as JsonObject,
    parseExact('{"b": {"y": [2.5], "x": 2}, "c": "d", "a": 2.5, "ragged": {"x": 2.5, "y": 1}}').value as JsonObject,
    parseExact('{"a": null, "b": null, "c": null}').value as JsonObject,
  ]);
  deepEqual(docs.map(jsonText), [
    '{"a":1.0,"b":{"x":1,"y":[1.0]},"ragged":{"x":1},"c":null}',
    '{"a":2.5,"b":{"x":2,"y":[2.5]},"ragged":{"x":2.5,"y":1},"c":"d"}',
    '{"a":null,"b":null,"ragged":null,"c":null}',
  ]);
  const same = [{ a: 1, b: ["x"] }, { a: 2, b: [] }];
  equal(documentsOf(taskConfig("piqa"), same)[0], same[0]);
});

Deno.test("a row whose keys are numbers out of order is refused: their order is lost", () => {
  const row = parseExact('{"b": 1, "2": 2}').value as JsonObject;
  throws(() => documentsOf(taskConfig("piqa"), [row]), {
    name: "UserError",
    message: /^Cannot use row 0 for the task piqa/,
  });
  throws(() => documentsOf(taskConfig("piqa"), [row], ["a.jsonl:3"]), {
    name: "UserError",
    message: /^Cannot use a\.jsonl:3 for the task piqa/,
  });
});

Deno.test("hashes are those of Python's texts", async () => {
  const request = firstRequest(openRows(taskConfig("arc_easy"), { family: "arc" }));
  for (const [text, expected] of goldens.hashes.documents as [string, string][]) {
    equal((await sampleHashes({ ...request, doc: parseExact(text).value as JsonObject })).doc_hash, expected, text);
  }
  for (const [text, expected] of goldens.hashes.targets as [string, string][]) {
    equal((await sampleHashes({ ...request, target: parseExact(text).value })).target_hash, expected, text);
  }
  const hashes = await sampleHashes(request);
  equal(hashes.prompt_hash, await sha256("Question: Which of these is warm?\nAnswer:"));
  equal(await taskHash([hashes]), await sha256(hashes.doc_hash + hashes.prompt_hash + hashes.target_hash));
});

Deno.test("settings of generation are a task's own, with those that replace them", () => {
  const settings = (overrides?: JsonObject): unknown =>
    generationSettings(generationKwargs(taskConfig("gsm8k"), overrides));
  const own = { until: ["Question:", "</s>", "<|im_end|>"], doSample: false, temperature: 0, others: {} };
  deepEqual(settings(), { ...own, maxNewTokens: 256 });
  deepEqual(settings({ max_gen_toks: 7, max_new_tokens: 8, top_p: 0.5 }), {
    ...own,
    maxNewTokens: 7,
    others: { top_p: 0.5 },
  });
  deepEqual(settings({ until: "x", temperature: 0.7 }), { ...own, until: ["x"], maxNewTokens: 256 });
  deepEqual(settings({ do_sample: true, temperature: 0.7 }), {
    ...own,
    maxNewTokens: 256,
    doSample: true,
    temperature: 0.7,
  });
  deepEqual(generationKwargs({ ...taskConfig("piqa"), output_type: "generate_until" }).until, ["\n\n"]);
  for (const wrong of [{ max_gen_toks: 0 }, { temperature: "warm" }, { do_sample: "yes" }, { until: 3 }]) {
    throws(() => settings(wrong as JsonObject), { name: "UserError", message: /^Cannot generate answers: "/ });
  }
});

Deno.test("parseGenKwargs() reads JSON, which may hold several stops", () => {
  const text = '{"until": ["\\n", "a,b"], "max_gen_toks": 8, "temperature": 0.0}';
  equal(jsonText(parseGenKwargs(text)), '{"until":["\\n","a,b"],"max_gen_toks":8,"temperature":0.0}');
  throws(() => parseGenKwargs("{a=1}"), {
    name: "UserError",
    message: 'Cannot read "{a=1}" of the generation\'s settings: expected a JSON object, or NAME=VALUE',
  });
});

Deno.test("parseGenKwargs() reads lm-eval's NAME=VALUE list", () => {
  equal(
    jsonText(parseGenKwargs("max_gen_toks=64,temperature=0,do_sample=True,top_p=.9,until='a b',x=None,y=a=b,,")),
    '{"max_gen_toks":64,"temperature":0,"do_sample":true,"top_p":0.9,"until":"a b","x":null,"y":"a=b"}',
  );
  throws(() => parseGenKwargs("abc"), {
    name: "UserError",
    message: 'Cannot read "abc" of the generation\'s settings: expected NAME=VALUE',
  });
});
