/** Log-likelihoods of benchmark documents against lm-evaluation-harness's. @module */
import { deepEqual, equal, ok } from "node:assert/strict";
import { loadTokenizer, type Tokenizer } from "../../core/data/tokenizer/tokenizer.ts";
import type { ChoiceIds } from "../../core/benchmark/encode_request.ts";
import { commonPrefix } from "../../core/evaluate/choice_batches.ts";
import { choiceLogps } from "../../core/evaluate/choice_logps.ts";
import { freeModel, loadFrozenModel } from "../../core/model/model.ts";
import { commands, device } from "../_shared/device.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

/** A document of a run; runs of one context have it once, and one continuation may belong to all contexts. */
interface Sample {
  contexts?: string | string[];
  continuations?: string | string[];
  ids?: ChoiceIds[];
  loglikelihoods: number[];
  is_greedy: boolean[];
}

interface Run {
  max_length: number;
  samples: Record<string, Sample[]>;
}

const MODELS = { "stories260K": "real/stories260K", "qwen2-bpe1k": "eval/models/qwen2-bpe1k" };

for (const [name, folder] of Object.entries(MODELS)) {
  sharedTest(`choiceLogps() gives lm-eval's log-likelihoods of ${name}`, async () => {
    const model = await loadFrozenModel(device, sharedPath(folder));
    try {
      const tokenizer = await loadTokenizer(sharedPath(folder));
      let documents = 0;
      for (const { name: file } of Deno.readDirSync(sharedPath("eval/runs", name))) {
        const run: Run = JSON.parse(await Deno.readTextFile(sharedPath("eval/runs", name, file)));
        const samples = Object.values(run.samples).flat().filter((sample) => sample.contexts && sample.loglikelihoods);
        const rows = samples.map((sample) => rowsOf(sample, tokenizer).map((row) => cutLeft(row, run.max_length)));
        // TruthfulQA's documents begin alike.
        const sharedPrefix = commonPrefix(rows.flat().map(({ context }) => context));
        const scores = await choiceLogps(commands, model, { documents: rows, sharedPrefix });
        samples.forEach(({ loglikelihoods, is_greedy }, i) =>
          scores[i]!.forEach(({ logp, isGreedy }, choice) => {
            const expected = loglikelihoods[choice]!;
            const where = `${file}, document ${i}, choice ${choice}: ${logp}, lm-eval has ${expected}`;
            ok(Math.abs(logp - expected) <= 1e-4 + 1e-5 * Math.abs(expected), where);
            equal(isGreedy, is_greedy[choice], where);
          })
        );
        documents += samples.length;
      }
      ok(documents > 100);
    } finally {
      freeModel(model);
    }
  });
}

/** The ids of a document's choices; those of a file must be the same. */
function rowsOf({ contexts, continuations, ids }: Sample, tokenizer: Tokenizer): ChoiceIds[] {
  const texts = [continuations!].flat();
  const before = [contexts!].flat();
  const count = Math.max(texts.length, before.length);
  const rows = Array.from({ length: count }, (_, i): ChoiceIds => {
    const whole = before[i] ?? before[0]!;
    const context = whole.trimEnd();
    const all = tokenizer.encode(whole + (texts[i] ?? texts[0]!));
    const first = tokenizer.encode(context).length;
    return { context: all.slice(0, first), continuation: all.slice(first) };
  });
  if (ids) deepEqual(rows, ids);
  return rows;
}

/** The last `maxLength` + 1 ids. */
function cutLeft({ context, continuation }: ChoiceIds, maxLength: number): ChoiceIds {
  return { context: context.slice(Math.max(0, context.length + continuation.length - maxLength - 1)), continuation };
}
