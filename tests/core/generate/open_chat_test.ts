import { deepEqual, equal, rejects } from "node:assert/strict";
import "../../_shared/one_device.ts";
import { openChat } from "../../../core/generate/open_chat.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";
import { writeTokenizer } from "../data/_fixtures.ts";

const SETTINGS = { max_new_tokens: 4, seed: 1 };

Deno.test("openChat() opens a model's or a run's folder, with its own context", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/run/model`, { config: { vocab_size: 364, max_position_embeddings: 9000 } });
    await writeTokenizer(`${dir}/run/model`);
    for (const model of [`${dir}/run`, `${dir}/run/model`]) {
      using opened = await openChat({ model, settings: SETTINGS });
      deepEqual(opened.model, { path: `${dir}/run/model`, type: "llama", parameters: 15568 });
      equal(opened.chat.maxLength, 4096);
    }
    using long = await openChat({ model: `${dir}/run`, settings: SETTINGS, maxLength: 5000 });
    equal(long.chat.maxLength, 5000);
    await rejects(
      openChat({ model: `${dir}/run`, settings: SETTINGS, maxLength: 9001 }),
      /^UserError: Cannot use a context of 9001 tokens: .*\/run\/model was made for 9000 at most$/,
    );
    await rejects(
      openChat({ model: `${dir}/run`, settings: SETTINGS, system: "be brief" }),
      /^UserError: Cannot use a system prompt: the tokenizer has no chat template/,
    );
    await rejects(
      openChat({ model: dir, settings: SETTINGS }),
      /^UserError: Cannot open a model in .*: there is no config.json, /,
    );
    await Deno.remove(`${dir}/run/model/tokenizer.json`);
    await rejects(openChat({ model: `${dir}/run`, settings: SETTINGS }), /tokenizer.json: there is no such file$/);
  }));

Deno.test("openChat() samples as generation_config.json says, else greedily, and as it is told before both", () =>
  withFolder(async (dir) => {
    await writeTinyModel(dir, { config: { vocab_size: 364 } });
    await writeTokenizer(dir);
    const said = async (settings: Record<string, number>, config: Record<string, unknown>): Promise<string> => {
      await Deno.writeTextFile(`${dir}/generation_config.json`, JSON.stringify(config));
      using opened = await openChat({ model: dir, settings: { max_new_tokens: 12, ...settings } });
      return (await Array.fromAsync(opened.chat.answer("hello"))).join("");
    };
    const greedy = await said({}, {});
    equal(await said({ temperature: 0 }, { do_sample: true, temperature: 1 }), greedy);
    // Without do_sample a temperature is not used, as in transformers.
    equal(await said({}, { temperature: 1.5 }), greedy);
    const sampled = await said({ temperature: 1.5, top_k: 50, seed: 3 }, {});
    equal(sampled === greedy, false);
    equal(await said({ seed: 3 }, { do_sample: true, temperature: 1.5 }), sampled);
    equal(await said({ seed: 3 }, { do_sample: true, temperature: 1.5, top_k: 1 }), greedy);
  }));
