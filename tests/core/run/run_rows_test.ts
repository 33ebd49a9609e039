/** What the config says of data and chat, in whole stages on tiny models. @module */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { readPairs } from "../../../core/data/stage_files.ts";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { runGenerate, runLabel, runSft } from "../../../core/loop/single_stages.ts";
import { exportPairs } from "../../../core/run/export_pairs.ts";
import { jsonLines } from "../../_shared/tiny_model.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { CHATML } from "../data/_fixtures.ts";
import { configOf, withChat } from "../loop/_runs.ts";

const TEMPLATE = CHATML.replaceAll("<|im_start|>", "<|im_start|>@");

Deno.test("generate reads mapped columns, system turns and a template of a file, and label's pairs can be exported", () =>
  withChat(async (dir) => {
    const rows = ["hello", "ab", "a", "b"].map((q, i) => ({ q, a: `${i}`, other: 1 }));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(rows));
    await Deno.writeTextFile(`${dir}/template.jinja`, TEMPLATE);
    const notes: string[] = [];
    const data = {
      train: [{ path: `${dir}/rows.jsonl`, split: "train[1:]" }],
      columns: { prompt: "q", response: "a" },
      conversational: true,
      system_prompt: "s",
      chat_template: `${dir}/template.jinja`,
      shuffle: true,
      limit: 2,
    };
    const config = await configOf(dir, { data });
    const path = await runGenerate(config, { onNote: (line) => notes.push(line) });
    const responses = await readJsonLines<
      { row: number; prompt: string; messages: { role: string; content: string }[] }
    >(path);
    deepEqual(responses.map(({ row }) => row), [0, 1]);
    for (const { prompt, messages } of responses) {
      deepEqual(messages.map(({ role }) => role), ["system", "user"]);
      match(
        prompt,
        /^<\|im_start\|>@system\ns<\|im_end\|>\n<\|im_start\|>@user\n(ab|a|b)<\|im_end\|>\n<\|im_start\|>@assistant\n$/,
      );
    }
    await runLabel(config);
    const report = await exportPairs({ from: `${dir}/run`, output: `${dir}/out.jsonl` });
    deepEqual([report.rows, report.conversational], [2, true]);
    const [first] = await readJsonLines<Record<string, unknown>>(`${dir}/out.jsonl`);
    deepEqual(first!.prompt, responses[0]!.messages);
    await rejects(
      exportPairs({ from: `${dir}/model`, output: `${dir}/out.jsonl` }),
      /there is no iteration-K\/pairs\.jsonl in it/,
    );
    await rejects(exportPairs({ from: `${dir}/run`, output: `${dir}/out.csv` }), /expected \.jsonl or \.parquet/);
  }));

Deno.test("tools and variables of rows go through responses, pairs and exports, and give the same ids everywhere", () =>
  withChat(async (dir) => {
    const template = "{% for tool in tools or [] %}{{ tool.name }};{% endfor %}{{ mood }}" +
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + (m.content or '') }}" +
      "{% for call in m.tool_calls or [] %}{{ '(' + call.function.name + ')' }}{% endfor %}" +
      "{{ eos_token + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
    const variables = { tools: [{ name: "ab" }, { name: "ba" }], chat_template_kwargs: { mood: "hello" } };
    const call = { role: "assistant", content: null, tool_calls: [{ function: { name: "ba", arguments: {} } }] };
    const user = { role: "user", content: "a" };
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines([{ messages: [user, call], ...variables }]));
    await Deno.writeTextFile(`${dir}/template.jinja`, template);
    const notes: string[] = [];
    const data = { train: `${dir}/rows.jsonl`, max_length: 64, chat_template: `${dir}/template.jinja` };
    const config = await configOf(dir, { data });
    const path = await runGenerate(config, { onNote: (line) => notes.push(line) });
    deepEqual(notes.slice(0, 1), [
      `${dir}/rows.jsonl: 1 row of OpenAI's shape (messages, tools, chat_template_kwargs)`,
    ]);
    const [response] = await readJsonLines<Record<string, unknown>>(path);
    equal(response!.prompt, "ab;ba;hello<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n");
    // The call's text, as a generated one has it.
    equal(response!.response, "(ba)");
    await runLabel(config);
    const [pair] = await readJsonLines<Record<string, unknown>>(`${dir}/run/iteration-0/pairs.jsonl`);
    await exportPairs({ from: `${dir}/run`, output: `${dir}/out.jsonl` });
    const [exported] = await readJsonLines<Record<string, unknown>>(`${dir}/out.jsonl`);
    for (const row of [response!, pair!, exported!]) {
      deepEqual({ tools: row.tools, chat_template_kwargs: row.chat_template_kwargs }, variables);
    }
    // Rendered and tokenized anew, the export has the ids of the pair.
    const tokenizer = await loadTokenizer(`${dir}/model`, { chatTemplate: `${dir}/template.jinja` });
    const reading = { tokenizer, vocabSize: tokenizer.vocabSize, maxLength: null };
    const { pairs: [again] } = await readPairs(`${dir}/out.jsonl`, reading);
    deepEqual(
      [again!.promptIds, again!.chosenIds, again!.rejectedIds],
      [pair!.prompt_ids, pair!.chosen_ids, pair!.rejected_ids],
    );
  }));

Deno.test("sft trains on all assistant turns where asked, says the data's shape once, and hands the template out", () =>
  withChat(async (dir) => {
    const turn = (role: string, content: string) => ({ role, content });
    const talk = [turn("user", "ab"), turn("assistant", "a"), turn("user", "b"), turn("assistant", "ba")];
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines([{ prompt_id: "x", messages: talk }]));
    await Deno.writeTextFile(`${dir}/template.jinja`, TEMPLATE);
    const loss = async (name: string, keys: Record<string, unknown>): Promise<{ loss: number; notes: string[] }> => {
      const notes: string[] = [];
      const data = { train: `${dir}/rows.jsonl`, max_length: 64, ...keys };
      const config = await configOf(dir, { data, method: "sft", output_dir: `${dir}/${name}` });
      const { last } = await runSft(config, { onNote: (line) => notes.push(line) });
      return { loss: last.loss!, notes };
    };
    const one = await loss("one", {});
    const all = await loss("all", { assistant_only_loss: true, chat_template: `${dir}/template.jinja` });
    deepEqual(one.notes, [`${dir}/rows.jsonl: 1 row of UltraChat's shape (messages)`]);
    equal(all.loss === one.loss, false);
    const text = await Deno.readTextFile(`${dir}/all/model/chat_template.jinja`);
    equal(text, TEMPLATE);
    const tokenizer = await loadTokenizer(`${dir}/all/model`);
    match(tokenizer.renderChat(talk, { addGenerationPrompt: false }), /^<\|im_start\|>@user\nab/);
    await rejects(
      loss("none", { chat_template: `${dir}/none.jinja` }),
      /Cannot read \S+none\.jinja: there is no such file/,
    );
  }));
