/** Greedy answers against lm-evaluation-harness's. @module */
import { deepEqual, equal, ok } from "node:assert/strict";
import { loadTokenizer } from "../../core/data/tokenizer/tokenizer.ts";
import { generateUntil } from "../../core/evaluate/generate_until.ts";
import { cutAtStops } from "../../core/evaluate/stop_strings.ts";
import { freeModel, loadFrozenModel } from "../../core/model/model.ts";
import { commands, device } from "../_shared/device.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

interface Answered {
  filter: string;
  context_ids: number[];
  gen_kwargs: { until: string[] };
  response: string;
  response_ids: number[];
  smallest_gap: number;
}

const RUNS = {
  "stories260K": ["real/stories260K", "gsm8k.5"],
  "qwen2-bpe1k": [
    "eval/models/qwen2-bpe1k",
    "gsm8k.5",
    "chat-gsm8k.5",
    "chat1-gsm8k.5",
    "chatsystem-gsm8k.5",
  ],
} as const;

for (const [name, [folder, ...files]] of Object.entries(RUNS)) {
  sharedTest(`generateUntil() gives lm-eval's answers of ${name}`, async () => {
    const model = await loadFrozenModel(device, sharedPath(folder));
    try {
      const tokenizer = await loadTokenizer(sharedPath(folder));
      for (const file of files) {
        const run = JSON.parse(await Deno.readTextFile(sharedPath("eval/runs", name, `${file}.json`)));
        const samples = (Object.values(run.samples).flat() as Answered[]).filter(({ filter }) =>
          filter === "strict-match"
        );
        ok(samples.length >= 3);
        // Where no two logits come nearer than this, rounding changes no token.
        ok(samples.every(({ smallest_gap }) => smallest_gap >= 1e-3));
        const rows = samples.map(({ context_ids, gen_kwargs, response_ids }) => ({
          ids: context_ids,
          until: gen_kwargs.until,
          maxNewTokens: response_ids.length,
        }));
        const answers = await generateUntil(commands, model, tokenizer, { rows });
        answers.forEach(({ ids, text }, i) => {
          deepEqual(ids, samples[i]!.response_ids, `${file}, row ${i}`);
          equal(text, samples[i]!.response, `${file}, row ${i}`);
        });
      }
    } finally {
      freeModel(model);
    }
  });
}

sharedTest("cutAtStops() cuts as lm-eval does", async () => {
  const { stop } = JSON.parse(await Deno.readTextFile(sharedPath("eval/scoring.json"))) as {
    stop: { text: string; until: string[]; result: string }[];
  };
  ok(stop.length > 0);
  for (const { text, until, result } of stop) equal(cutAtStops(text, until), result);
});
