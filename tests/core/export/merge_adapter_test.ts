import assert from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { openSafetensorsAt } from "../../../core/checkpoint/stored_weights.ts";
import { mergeAdapterFolder } from "../../../core/export/merge_adapter.ts";
import { parameterShapes } from "../../../core/model/families/families.ts";
import { type Case, refuseAll } from "../../_shared/refusal.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";
import { CHATML, writeTokenizer } from "../data/_fixtures.ts";

const GOLDENS = new URL("goldens/", import.meta.url).pathname;
const BASES = new URL("../../parity/goldens/", import.meta.url).pathname;
const CASES = [["llama_all", "llama", 14], ["qwen2_rslora", "qwen2", 3]] as const;

for (const [name, base, changed] of CASES) {
  Deno.test(`the merge of ${name} is PEFT's within 1e-6, and all else is the base's`, () =>
    withFolder(async (dir) => {
      const report = await mergeAdapterFolder({ adapter: GOLDENS + name, base: BASES + base, output: `${dir}/m` });
      const golden = await openSafetensorsAt(`${GOLDENS}${name}/merged.safetensors`);
      const [before, merged] = [await openModelFolder(BASES + base), await openModelFolder(`${dir}/m`)];
      assert.equal(golden.tensors.size, changed);
      let parameters = 0;
      for (const { name } of parameterShapes(merged.config)) {
        const values = await merged.readTensor(name);
        parameters += values.length;
        if (!golden.tensors.has(name)) {
          assert.deepEqual(values, await before.readTensor(name));
          continue;
        }
        const expected = await golden.readFloat32(name);
        assert.equal(values.length, expected.length);
        const off = Math.max(...values.map((value, i) => Math.abs(value - expected[i]!)));
        assert.ok(off <= 1e-6, `${name} is off by ${off}`);
      }
      assert.deepEqual(report, { base: BASES + base, dtype: "float32", parameters });
    }));
}

Deno.test("a merged model has the base's config and the adapter's tokenizer, in the storage type asked for", () =>
  withFolder(async (dir) => {
    await Deno.mkdir(`${dir}/a`);
    for (const file of ["adapter_config.json", "adapter_model.safetensors"]) {
      await Deno.copyFile(`${GOLDENS}llama_all/${file}`, `${dir}/a/${file}`);
    }
    await writeTokenizer(`${dir}/a`, { config: { chat_template: CHATML } });
    const notes: string[] = [];
    const onNote = (line: string) => notes.push(line);
    const options = { adapter: `${dir}/a`, base: `${BASES}llama`, output: `${dir}/m`, onNote };
    assert.equal((await mergeAdapterFolder({ ...options, dtype: "bfloat16" })).dtype, "bfloat16");
    const { config, dtype } = await openModelFolder(`${dir}/m`);
    assert.deepEqual([config.modelType, config.numLayers, dtype], ["llama", 2, "BF16"]);
    for (const file of ["tokenizer.json", "tokenizer_config.json"]) {
      assert.equal(await Deno.readTextFile(`${dir}/m/${file}`), await Deno.readTextFile(`${dir}/a/${file}`));
    }
    assert.equal(notes.length, 1);
    assert.match(
      notes[0]!,
      /^The model is saved as bfloat16: rounding moves its weights by 0\.\d+ % of what training did$/,
    );
    // Only on request.
    await assert.rejects(mergeAdapterFolder(options), /is there already, expected a new name, or --force$/);
    await mergeAdapterFolder({ ...options, force: true });
    assert.equal((await openModelFolder(`${dir}/m`)).dtype, "F32");
  }));

/** An adapter's folder whose config is changed. */
async function changedAdapter(dir: string, change: Record<string, unknown>): Promise<string> {
  const adapter = await Deno.makeTempDir({ dir });
  const config = JSON.parse(await Deno.readTextFile(`${GOLDENS}llama_all/adapter_config.json`));
  await Deno.writeTextFile(`${adapter}/adapter_config.json`, JSON.stringify({ ...config, ...change }));
  await Deno.copyFile(`${GOLDENS}llama_all/adapter_model.safetensors`, `${adapter}/adapter_model.safetensors`);
  return adapter;
}

Deno.test("a merge that cannot be is one line, and writes nothing", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/wide`, { config: { hidden_size: 32 } });
    await writeTinyModel(`${dir}/shallow`, { config: { num_hidden_layers: 1, num_key_value_heads: 4 } });
    const llama = `${BASES}llama`;
    const adapter = `${GOLDENS}llama_all`;
    const nameless = await changedAdapter(dir, { base_model_name_or_path: null });
    const broken = await changedAdapter(dir, { r: 0 });
    const gone = await changedAdapter(dir, { base_model_name_or_path: `${dir}/gone` });
    const cases: Case<{ adapter: string; base?: string }>[] = [
      [
        "another width",
        { adapter, base: `${dir}/wide` },
        /lora_A.weight" from .*: shape is \[4, 16\], expected \[4, 32\]/,
      ],
      ["fewer layers", { adapter, base: `${dir}/shallow` }, /layers\.1\..*: the base has no such module/],
      ["rank 0", { adapter: broken, base: llama }, /"r" is 0, expected an integer ≥ 1/],
      ["no base", { adapter: nameless }, /base_model_name_or_path .* is not set, expected .* or --base MODEL/],
      ["no such base", { adapter: gone }, /there is no config\.json in its base \S+\/gone, expected the model that it/],
      ["a model", { adapter: llama, base: llama }, /Cannot merge .*: there is no adapter_config\.json/],
      ["an adapter as base", { adapter, base: adapter }, /its base .* is an adapter too/],
      ["nothing there", { adapter: `${dir}/none` }, /Cannot merge .*: there is no adapter_config\.json/],
    ];
    await refuseAll(cases, (options) => mergeAdapterFolder({ ...options, output: `${dir}/out` }));
    assert.deepEqual((await Array.fromAsync(Deno.readDir(dir))).filter(({ name }) => name.startsWith("out")), []);
    await mergeAdapterFolder({ adapter: nameless, base: llama, output: `${dir}/out` });
  }));
