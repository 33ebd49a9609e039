/** A real pretrained Llama (260k parameters) against NumPy's and transformers' numbers. @module */
import { deepEqual, equal } from "node:assert/strict";
import { assertClose } from "../_shared/assert_close.ts";
import { dnpo, runConfig, succeeded, withFolder } from "../_shared/dnpo.ts";
import { logitsOf } from "../_shared/logits.ts";
import { readJsonLines } from "../_shared/trajectory.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

interface Expected {
  prompt: { text: string; ids: number[]; logits: number[][] };
  greedy_from_bos: { ids: number[]; text: string };
  greedy_from_prompt: { ids: number[]; text: string };
  scores: { text: string; ids: number[]; sum_logprob: number }[];
}

async function readExpected(): Promise<Expected> {
  return JSON.parse(await Deno.readTextFile(sharedPath("real/stories260K/expected.json")));
}

sharedTest("the decoder gives the logits of stories260K", async () => {
  const { prompt } = await readExpected();
  const logits = await logitsOf(sharedPath("real/stories260K"), prompt.ids);
  equal(logits.length, prompt.logits.length);
  for (const [i, row] of prompt.logits.entries()) {
    assertClose(logits[i]!, row, { atol: 1e-4, label: `logits at position ${i}` });
  }
});

sharedTest("score gives the log-probabilities of stories260K", () =>
  withFolder(async (dir) => {
    const { scores } = await readExpected();
    const pairs = `${dir}/pairs.jsonl`;
    // The second side is the text without its last token.
    const rows = scores.map(({ ids }) => ({
      prompt_ids: ids.slice(0, 1),
      chosen_ids: ids.slice(1),
      rejected_ids: ids.slice(1, -1),
    }));
    await Deno.writeTextFile(pairs, rows.map((row) => JSON.stringify(row)).join("\n"));
    const args = ["score", "--model", sharedPath("real/stories260K"), "--pairs", pairs];
    const lines = succeeded(args, await dnpo(args)).trimEnd().split("\n").map((line) => JSON.parse(line));
    assertClose(lines.map(({ chosen }) => chosen), scores.map(({ sum_logprob }) => sum_logprob), { atol: 1e-4 });
    equal(lines.every(({ chosen, rejected }) => rejected > chosen), true);
  }));

sharedTest("generate at temperature 0 gives the greedy tokens of stories260K", () =>
  withFolder(async (dir) => {
    const { prompt, greedy_from_bos: fromBos, greedy_from_prompt: fromPrompt } = await readExpected();
    const rows = [{ prompt_ids: [1], response_ids: [2] }, { prompt: prompt.text, response: "x" }];
    await Deno.writeTextFile(`${dir}/rows.jsonl`, rows.map((row) => JSON.stringify(row)).join("\n"));
    const output_dir = `${dir}/run`;
    await runConfig("generate", {
      model: sharedPath("real/stories260K"),
      output_dir,
      data: { train: `${dir}/rows.jsonl` },
      generation: { temperature: 0, max_new_tokens: 100 },
    });
    const [first, second] = await readJsonLines<
      { prompt_ids: number[]; generated: string; generated_ids: number[] }
    >(`${output_dir}/iteration-0/responses.jsonl`);
    deepEqual(first!.generated_ids, fromBos.ids.slice(1));
    equal(first!.generated.trim(), fromBos.text.trim());
    deepEqual(second!.prompt_ids, prompt.ids);
    deepEqual([...prompt.ids, ...second!.generated_ids].slice(0, fromPrompt.ids.length), fromPrompt.ids);
  }));
