import { equal } from "node:assert/strict";
import { partOf } from "../../../../core/report/runs/parts.ts";

const generate = [{ iteration: 0, stage: "generate", values: {} }];

Deno.test.each([
  [{ method: "spin", labels: { judge: "human" }, noise: "none" }, "SPIN"],
  [{ method: "dnpo", labels: { judge: "verifier" }, noise: "none" }, "+ labels"],
  [{ method: "dnpo", labels: { judge: "human" }, noise: { update: "joint" } }, "+ noise"],
  [{ method: "dnpo", labels: { judge: "llm" }, noise: { update: "alternating" } }, "both (DNPO)"],
  [{ method: "dnpo", labels: { judge: "human" }, noise: { update: "none" } }, "SPIN"],
  [{ method: "dpo", labels: { judge: "human" }, noise: "none" }, "SPIN"],
  // A list has an entry for each iteration, and those beyond the last one are not used.
  [{ method: "dnpo", iterations: 2, labels: [{ judge: "human" }, { judge: "llm" }], noise: "none" }, "+ labels"],
  [{ method: "dnpo", iterations: 1, labels: [{ judge: "human" }, { judge: "llm" }], noise: "none" }, "SPIN"],
  [{ method: "sft", labels: { judge: "human" }, noise: "none" }, "SFT"],
  [{ stage: "sft" }, "SFT"],
  [{ stage: "optimize" }, null],
  [{ method: "dnpo" }, null],
  [{}, null],
])("partOf() of %j is %j", (config, part) => equal(partOf({ config, stages: generate, iterations: [] }), part));

Deno.test("partOf() tells pairs of the data from generated ones", () => {
  const config = { method: "dpo", labels: { judge: "human" }, noise: "none" };
  equal(partOf({ config, stages: [], iterations: [] }), "DPO");
  equal(partOf({ config, stages: [], iterations: [{ iteration: 0, values: { generation_length: 6 } }] }), "SPIN");
});
