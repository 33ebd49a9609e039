import assert from "node:assert/strict";
import { dnpo, withFolder, writeConfig } from "../../_shared/dnpo.ts";
import { jsonLines, tinyPairs, writeTinyModel } from "../../_shared/tiny_model.ts";

Deno.test("dnpo plan prints parts, work and time, as text and as JSON, and exits with 1 where it does not fit", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(6)));
    const config = await writeConfig({
      output_dir: `${dir}/run`,
      model: `${dir}/model`,
      method: "dpo",
      data: { train: `${dir}/pairs.jsonl` },
    });
    const text = await dnpo(["plan", config, "--memory", "1"]);
    assert.deepEqual([text.code, text.err], [0, ""]);
    for (const part of ["weights", "gradients", "moments", "activations", "LM head", "total"]) {
      assert.match(text.out, new RegExp(`^│ ${part} +│ +\\d.* (KiB|bytes|MiB) │$`, "m"), part);
    }
    assert.match(text.out, /^│ optimize │ +1 │ +[\d,]+ │ [\d.]+ [MG] │ +\d.*s │$/m);
    assert.match(text.out, /^Fits\.$/m);

    const json = await dnpo(["plan", config, "--no-time", "--json"]);
    const { model, stages, bytes, seconds } = JSON.parse(json.out);
    assert.equal(model.parameters, 5104);
    assert.equal(bytes, stages[0].bytes);
    assert.equal(seconds, null);
    await assert.rejects(Deno.stat(`${dir}/run`), Deno.errors.NotFound);

    const small = await dnpo(["plan", config, "--no-time", "--memory", String((bytes - 1) / 2 ** 30)]);
    assert.equal(small.code, 1);
    assert.match(
      small.out,
      /^Does not fit: optimize: needs .* of device memory, of which there are .*\n {2}with --set training\.gradient_checkpointing=true it takes /m,
    );
    const wrong = await dnpo(["plan", config, "--memory", "much"]);
    assert.deepEqual([wrong.code, wrong.err], [1, 'error: --memory: expected GiB such as 24, got "much"\n']);
  }));

Deno.test("dnpo plan --cards prints a table for cards of usual sizes, as text and as JSON, and takes no --memory", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(6)));
    const config = await writeConfig({
      output_dir: `${dir}/run`,
      model: `${dir}/model`,
      method: "dpo",
      data: { train: `${dir}/pairs.jsonl` },
    });
    const text = await dnpo(["plan", config, "--cards"]);
    assert.deepEqual([text.code, text.err], [0, ""]);
    assert.match(
      text.out,
      /^Cards {7}97 % of a card's memory is to use, .* bindings of up to 2\.00 GiB\n +are assumed/m,
    );
    for (const card of [8, 12, 16, 24, 48, 80]) {
      assert.match(text.out, new RegExp(`^│ ${card} GB +│ +[\\d.]+ GiB │ +[\\d.]+ KiB │ fits as it is +│$`, "m"));
    }
    const json = await dnpo(["plan", config, "--cards", "--json"]);
    const { bytes, cards, buffer_bytes } = JSON.parse(json.out);
    assert.deepEqual(cards[5], { gigabytes: 80, memory: 77_600_000_000, set: [], bytes });
    assert.equal(buffer_bytes, 2 ** 31 - 4);
    const both = await dnpo(["plan", config, "--cards", "--memory", "24"]);
    assert.deepEqual([both.code, both.err], [
      1,
      "error: Cannot plan with --memory and --cards: --memory is for one device, --cards for several; leave one out\n",
    ]);
    await assert.rejects(Deno.stat(`${dir}/run`), Deno.errors.NotFound);
  }));
