import assert from "node:assert/strict";
import { dnpo, withFolder } from "../../_shared/dnpo.ts";
import { hasTerminal, inTerminal } from "../../_shared/terminal.ts";
import { HubServer } from "../../_shared/hub_server.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { writeTokenizer } from "../../core/data/_fixtures.ts";

const BASE = new URL("../../parity/goldens/llama", import.meta.url).pathname;
const ADAPTER = new URL("../../core/export/goldens/llama_all", import.meta.url).pathname;

Deno.test("dnpo merge merges an adapter of the hub into the base of the hub that it names", () =>
  withFolder(async (dir) => {
    await using hub = new HubServer();
    await hub.addFolder("model", "org/base", BASE);
    const config = JSON.parse(await Deno.readTextFile(`${ADAPTER}/adapter_config.json`));
    hub.add("model", "org/lora", {
      "adapter_config.json": JSON.stringify({ ...config, base_model_name_or_path: "org/base" }),
      "adapter_model.safetensors": await Deno.readFile(`${ADAPTER}/adapter_model.safetensors`),
    });
    const merge = (...args: string[]) =>
      dnpo(["merge", "org/lora", "--output", `${dir}/merged`, ...args], {
        HF_ENDPOINT: hub.url,
        HF_HOME: `${dir}/hub`,
      });
    const { code, out, err } = await merge("--quiet");
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /^Model: .*\/merged \(org\/lora merged into .*org--base.*; 5,616 parameters, float32\)\n$/);
    const again = await merge("--quiet");
    assert.deepEqual([again.code, again.out], [1, ""]);
    assert.match(
      again.err,
      /^error: Cannot merge org\/lora into .*: it is there already, expected a new name, or --force\n$/,
    );
    const rounded = await merge("--force", "--dtype", "bfloat16");
    assert.match(rounded.err, /rounding moves its weights by 0\.\d+ % of what training did\n/);
  }));

Deno.test("dnpo export-model writes a GGUF file, and says what it cannot write in one line", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/run/model`, { config: { vocab_size: 368, hidden_size: 32, intermediate_size: 40 } });
    const command = [
      "export-model",
      `${dir}/run`,
      "--format",
      "gguf",
      "--quantize",
      "q4_0",
      "--output",
      `${dir}/run.gguf`,
    ];
    const mute = await dnpo(command);
    assert.deepEqual([mute.code, mute.out], [1, ""]);
    assert.match(
      mute.err,
      /^error: Cannot export .*model as gguf: there is no tokenizer\.json, which a GGUF file holds\n$/,
    );
    await writeTokenizer(`${dir}/run/model`);
    const { code, out, err } = await dnpo(command);
    assert.equal(code, 0, err);
    assert.match(out, /^Model: .*run\.gguf \(GGUF, Q4_0, 21 tensors of \d+\.\d kB\)\n$/);
    assert.match(err, /^2 of 21 tensors stay F32: .*\n/m);
    assert.equal((await Deno.readTextFile(`${dir}/run.gguf`)).slice(0, 4), "GGUF");
  }));

/** A run's folder with a model, and pairs of two iterations. */
async function writeRun(dir: string): Promise<void> {
  for (const [k, answers] of [[0, "ab"], [1, "ba"]] as const) {
    await Deno.mkdir(`${dir}/iteration-${k}`, { recursive: true });
    const pair = { prompt: "sort ba>", chosen: answers, rejected: "bb" };
    await Deno.writeTextFile(`${dir}/iteration-${k}/pairs.jsonl`, JSON.stringify(pair) + "\n");
  }
  await Deno.mkdir(`${dir}/model`);
  for await (const { name } of Deno.readDir("examples/quickstart/model")) {
    await Deno.copyFile(`examples/quickstart/model/${name}`, `${dir}/model/${name}`);
  }
}

Deno.test("dnpo export overwrites a file only with --force, or where a terminal's user says so", async (t) =>
  await withFolder(async (dir) => {
    await writeRun(`${dir}/run`);
    const file = `${dir}/out.jsonl`;
    const command = ["export", `${dir}/run`, "--output", file];
    assert.equal((await dnpo(command)).code, 0);
    assert.match(await Deno.readTextFile(file), /"chosen":"ba"/);
    await Deno.writeTextFile(file, "mine");
    assert.deepEqual(await dnpo(command), {
      code: 1,
      out: "",
      err: `error: Cannot export ${dir}/run to ${file}: it is there already, expected a new name, or --force\n`,
    });
    assert.equal(await Deno.readTextFile(file), "mine");
    await t.step({
      name: "in a terminal",
      ignore: !await hasTerminal(),
      fn: async () => {
        const no = await inTerminal(command, [["Overwrite it?", "\r"]], { columns: 200 });
        assert.match(no.shown, /is there already\. Overwrite it\?[^]*Nothing was written\./);
        assert.deepEqual([no.code, await Deno.readTextFile(file)], [1, "mine"]);
        const yes = await inTerminal(command, [["Overwrite it?", "y"]], { columns: 200 });
        assert.equal(yes.code, 0, yes.shown);
      },
    });
    assert.equal((await dnpo([...command, "--force"])).code, 0);
    assert.match(await Deno.readTextFile(file), /"chosen":"ba"/);
  }));

Deno.test("dnpo score takes a run's folder for its model and for its last pairs", () =>
  withFolder(async (dir) => {
    await writeRun(`${dir}/run`);
    const own = await dnpo(["score", `${dir}/run`, "--pairs", `${dir}/run`]);
    assert.deepEqual([own.code, own.err.split("\n")[0]], [
      0,
      `Scoring the pairs of ${dir}/run/iteration-1/pairs.jsonl`,
    ]);
    const named = await dnpo(["score", "-m", `${dir}/run/model`, "-p", `${dir}/run/iteration-1/pairs.jsonl`, "-q"]);
    assert.deepEqual(named, { code: 0, out: own.out, err: "" });
    const other = await dnpo(["score", `${dir}/run`, "--pairs", `${dir}/run/iteration-0/pairs.jsonl`]);
    assert.notEqual(other.out, own.out);
  }));
