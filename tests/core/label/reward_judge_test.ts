import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { type RewardModelJudge, rewardModelJudge } from "../../../core/label/reward_judge.ts";
import { loadRewardModel, type RewardModel, scoreTexts } from "../../../core/model/reward_model.ts";
import { commands, device } from "../../_shared/device.ts";
import { type RewardOptions, writeRewardModel } from "../../_shared/reward_model.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";
import { CHATML, writeTokenizer } from "../data/_fixtures.ts";
import { responseRow } from "./_rows.ts";

/** Runs `use` with a tiny reward model of 400 ids. */
function withReward(
  use: (dir: string, model: RewardModel) => Promise<void>,
  options: RewardOptions = {},
): Promise<void> {
  return withFolder(async (dir) => {
    await writeTinyModel(dir, { config: { vocab_size: 400 } });
    await writeRewardModel(dir, dir, options);
    const model = await loadRewardModel(device, dir);
    try {
      await use(dir, model);
    } finally {
      model.free();
    }
  });
}

async function scored(options: RewardModelJudge, row: Parameters<typeof responseRow>[1]): Promise<number[]> {
  const [score] = await rewardModelJudge(commands, options).score([responseRow(0, row)], () => {});
  return [score!.human!, score!.generated!];
}

/** The score on the last of these ids. */
async function scoreOf(model: RewardModel, ids: number[]): Promise<number> {
  return (await scoreTexts(commands, model, { rows: [ids] }))[0]![0]!;
}

const ROW = { prompt: "hello ", response: "ab", generated: "b a" };

Deno.test("rewardModelJudge() scores plain text with EOS, which a cut answer lacks", () =>
  withReward(async (dir, model) => {
    await writeTokenizer(dir);
    const tokenizer = await loadTokenizer(dir);
    for (const [finished, eos] of [[true, "<|im_end|>"], [false, ""]] as const) {
      const [human, generated] = await scored({ model, tokenizer }, { ...ROW, finished, promptIds: [9999] });
      equal(human, await scoreOf(model, tokenizer.encode("hello ab<|im_end|>")));
      equal(generated, await scoreOf(model, tokenizer.encode(`hello b a${eos}`)));
    }
    const [cut] = await scored({ model, tokenizer }, { ...ROW, responseFinished: false });
    equal(cut, await scoreOf(model, tokenizer.encode("hello ab")));
  }));

Deno.test("rewardModelJudge() renders its own chat template over the row's turns, or over its prompt as one turn", () =>
  withReward(async (dir, model) => {
    await writeTokenizer(dir, { config: { chat_template: CHATML } });
    const tokenizer = await loadTokenizer(dir);
    const encode = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false });
    const messages = [{ role: "system", content: "b" }, { role: "user", content: "a b" }];
    const turn = (role: string, text: string): string => `<|im_start|>${role}\n${text}<|im_end|>\n`;
    deepEqual(await scored({ model, tokenizer }, { ...ROW, messages, prompt: "as the policy writes it" }), [
      await scoreOf(model, encode(turn("system", "b") + turn("user", "a b") + turn("assistant", "ab"))),
      await scoreOf(model, encode(turn("system", "b") + turn("user", "a b") + turn("assistant", "b a"))),
    ]);
    const [human] = await scored({ model, tokenizer }, ROW);
    equal(human, await scoreOf(model, encode(turn("user", "hello ") + turn("assistant", "ab"))));
  }));

Deno.test("rewardModelJudge() gives its template the row's tools and variables", () =>
  withReward(async (dir, model) => {
    const template = "{% for tool in tools %}{{ tool.name }}{% endfor %}{{ mood }}" + CHATML;
    await writeTokenizer(dir, { config: { chat_template: template } });
    const tokenizer = await loadTokenizer(dir);
    const messages = [{ role: "user", content: "a b" }];
    const variables = { tools: [{ name: "ab" }], chat_template_kwargs: { mood: "hello" } };
    const [human] = await scored({ model, tokenizer }, { ...ROW, messages, variables });
    const text = "abhello<|im_start|>user\na b<|im_end|>\n<|im_start|>assistant\nab<|im_end|>\n";
    equal(human, await scoreOf(model, tokenizer.encode(text, { addSpecialTokens: false })));
  }));

Deno.test("rewardModelJudge() without a tokenizer takes the ids, and cuts the beginning of long texts and counts them", () =>
  withReward(async (_dir, model) => {
    const row = { promptIds: [5, 6, 7, 8], responseIds: [9, 10, 11], generatedIds: [12] };
    const judge = rewardModelJudge(commands, { model, tokenizer: null, maxLength: 5 });
    const done: number[] = [];
    const [first, second] = await judge.score([responseRow(0, row), responseRow(1, row)], (n) => done.push(n));
    deepEqual(first, second);
    equal(first!.human, await scoreOf(model, [7, 8, 9, 10, 11]));
    equal(first!.generated, await scoreOf(model, [5, 6, 7, 8, 12]));
    deepEqual(done, [2]);
    deepEqual(judge.metrics?.(), { "labels/truncated": 2 });
    deepEqual(judge.notes?.(), ["judge reward-model: 2 of 4 texts were longer than 5 tokens and lost their beginning"]);
    // Without a limit given, the model's own.
    const own = rewardModelJudge(commands, { model, tokenizer: null });
    await own.score([responseRow(0, { ...row, promptIds: Array.from({ length: 63 }, () => 5) })], () => {});
    deepEqual(own.metrics?.(), { "labels/truncated": 1 });
    await rejects(
      judge.score([responseRow(4, { generatedIds: [400] })], () => {}),
      /^UserError: Cannot score row 4 with .*: token id is 400, expected less than its vocabulary of 400$/,
    );
  }));

Deno.test("rewardModelJudge() wants to know which of several outputs scores, by name or index", () =>
  withReward(async (_dir, model) => {
    const row = { promptIds: [5], responseIds: [9], generatedIds: [12] };
    const [outputs] = await scoreTexts(commands, model, { rows: [[5, 9]] });
    for (const [label, index] of [["kind", 1], [1, 1], [0, 0], ["good", 0]] as const) {
      const [human] = await scored({ model, tokenizer: null, label }, row);
      equal(human, outputs![index]);
    }
    throws(
      () => rewardModelJudge(commands, { model, tokenizer: null }),
      /its head has 2 outputs, 0 \(good\), 1 \(kind\); labels.reward_label says which one scores$/,
    );
    for (const label of ["bad", 2]) {
      throws(
        () => rewardModelJudge(commands, { model, tokenizer: null, label }),
        /expected one of 0 \(good\), 1 \(kind\)$/,
      );
    }
  }, { labels: ["good", "kind"] }));
