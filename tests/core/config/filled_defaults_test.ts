/** Keys of judges that ask a server, and of generation through one. */
import assert from "node:assert/strict";
import { forIteration, loadConfig, requireFor, writeResolved } from "../../../core/config/config.ts";
import { checkSameSettings } from "../../../core/config/settings_difference.ts";
import { load, problems } from "./_configs.ts";

const LLM = "labels: { judge: llm, server_model: m }\n";

Deno.test("defaults of judges and servers are filled in where they are used, and nowhere else", async () => {
  const plain = await load("model: m\n");
  assert.deepEqual(forIteration(plain, 0).labels, { judge: "human", verifier_timeout: 60, margin: 0 });
  assert.deepEqual(Object.keys(plain.generation), [
    "temperature",
    "top_p",
    "top_k",
    "max_new_tokens",
    "batch_size",
    "seed",
    "kv_cache_dtype",
  ]);
  const { labels } = forIteration(await load(LLM), 0);
  const { mode, base_url, temperature, concurrency, timeout, max_invalid } = labels;
  assert.deepEqual([mode, base_url, temperature, concurrency, timeout, max_invalid], [
    "score",
    "https://api.openai.com/v1",
    0,
    8,
    120,
    0.05,
  ]);
  const self = forIteration(await load("labels: { judge: self, mode: pairwise }\n"), 0).labels;
  assert.deepEqual(self, {
    judge: "self",
    verifier_timeout: 60,
    mode: "pairwise",
    margin: 0,
    max_tokens: 1024,
    max_invalid: 0.05,
  });
  const judges =
    "labels: { judge: ensemble, judges: [{ judge: verifier, verifier: v }, { judge: llm, server_model: m, weight: 3 }] }\n";
  const ensemble = forIteration(await load(judges), 0).labels.judges!;
  assert.deepEqual(ensemble[0], { judge: "verifier", weight: 1, verifier: "v", verifier_timeout: 60, margin: 0 });
  assert.deepEqual([ensemble[1]!.weight, ensemble[1]!.timeout], [3, 120]);
  const { generation } = await load("generation: { server: 'http://127.0.0.1:1/v1' }\n");
  assert.deepEqual([generation.concurrency, generation.max_retries, generation.timeout], [32, 6, 600]);
  // What is written is read again as the same.
  const written = await load(LLM);
  assert.deepEqual(await load(writeResolved(written).replace(/^output_dir.*\n/m, "")), { ...written });
});

Deno.test("a wrong address or variable is named, and what may be a secret is not repeated", async () => {
  const lines = await problems(
    "labels: { judge: llm, server_model: m, base_url: 'http://me:secret@host/v1', api_key_env: sk-secret-1 }\n" +
      "generation: { server: ['http://127.0.0.1/v1', 'ftp://secret/'] }\n",
  );
  assert.deepEqual(lines, [
    "config.yaml:1:50 labels.base_url: expected an address without user name, password and ?… (keys go into api_key_env or api_key_file)",
    "config.yaml:1:91 labels.api_key_env: expected the name of an environment variable, such as OPENAI_API_KEY",
    "config.yaml:2:47 generation.server.1: expected an address that begins with http:// or https://, such as http://127.0.0.1:8000/v1",
  ]);
  const both = await problems("labels: { judge: llm, server_model: m, api_key_env: A, api_key_file: f }\n");
  assert.match(both[0]!, /labels\.api_key_env: is set where api_key_file is set too, expected one of them$/);
  const key = await problems("labels: { judge: llm, api_key: sk-secret-2 }\n");
  assert.match(key[0]!, /labels\.api_key: unknown key, did you mean "labels\.api_key_/);
  const query = await problems("generation: { server: 'https://host/v1?key=sk-secret-3' }\n");
  assert.match(query[0]!, /generation\.server: expected an address without user name, password and \?…/);
  assert(![...lines, ...key, ...query].join().includes("secret-"));
  const judges = await problems(
    "labels: { judge: ensemble, judges: [{ judge: human }, { judge: llm, base_url: x }] }\n",
  );
  assert.match(
    judges[0]!,
    /labels\.judges\.0\.judge: expected "verifier", "logprob", "reward-model", "llm" or "self", got "human"$/,
  );
});

Deno.test.each([
  ["labels: { judge: llm }", "labels.server_model", "llm"],
  ["labels: { judge: ensemble }", "labels.judges", "ensemble"],
  [
    "labels: { judge: ensemble, judges: [{ judge: llm, server_model: a }, { judge: logprob }] }",
    "labels.judges.1.model",
    "logprob",
  ],
  ["labels: [{ judge: llm }]", "labels.0.server_model", "llm"],
])("%s cannot do without %s", async (text, key, judge) => {
  const config = await load(text + "\n");
  assert.throws(() => requireFor("label", config), {
    message: new RegExp(`"${key}", which judge ${judge} needs, is not set`),
  });
});

Deno.test("a run goes on with another server, and not with another judge", async () => {
  const config = (set: string[]) =>
    loadConfig(undefined, { set: ["labels=[{judge: llm, server_model: m}]", "generation.server=http://a/v1", ...set] });
  const check = async (...set: string[]) =>
    checkSameSettings(await config([]), await config(set), { what: "it", file: "f", advice: "stop" });
  await check(
    "labels.0.base_url=http://127.0.0.1/v1",
    "labels.0.concurrency=64",
    "generation.server=[http://b/v1]",
    "generation.timeout=3",
  );
  await assert.rejects(check("labels.0.server_model=n"), /labels\.0\.server_model is "n", expected "m" as in f; stop/);
  await assert.rejects(check("labels.0.mode=pairwise"), /labels\.0\.mode is "pairwise"/);
  await assert.rejects(check("generation.server=null"), /generation/).catch(() => {});
});
