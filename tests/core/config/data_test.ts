import { deepEqual, equal, rejects } from "node:assert/strict";
import { loadConfig, writeResolved } from "../../../core/config/config.ts";

Deno.test("loadConfig() reads one data set or several, and adds no key that is not asked for", async () => {
  const train = async (...set: string[]): Promise<unknown> => (await loadConfig(undefined, { set })).data.train;
  equal(await train("data.train=rows.jsonl[:2000]"), "rows.jsonl[:2000]");
  deepEqual(await train("data.train=['a.csv[10%:]', {path: org/name, name: main, split: 'train[:9]', weight: 0.5}]"), [
    "a.csv[10%:]",
    { path: "org/name", name: "main", split: "train[:9]", weight: 0.5 },
  ]);
  const plain = writeResolved(await loadConfig(undefined, { set: ["data.train=rows.jsonl"] }));
  equal(
    /^data:\n(?: {2}.+\n)+/m.exec(plain)?.[0],
    "data:\n  train: rows.jsonl\n  max_length: 1024\n  on_bad_row: error\n",
  );
});

Deno.test("loadConfig() names the key of a wrong data set", async () => {
  const fails = (set: string, message: string): Promise<void> =>
    rejects(loadConfig(undefined, { set: [set] }), { name: "UserError", message });
  await fails(
    "data.train=[{path: a, wieght: 1}]",
    '--set data.train.0.wieght: unknown key, did you mean "data.train.weight"?',
  );
  await fails("data.train=[{path: a, weight: 2}]", "--set data.train.0.weight: expected a number ≤ 1, got 2");
  await fails("data.train=[]", "--set data.train: expected at least one entry, got a list");
  await fails("data.columns={prmpt: q}", '--set data.columns.prmpt: unknown key, did you mean "data.columns.prompt"?');
});
