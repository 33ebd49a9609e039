/** Memory and time of a process that reads what lies. @module */
import { equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { rawSafetensors, TINY_CONFIG, tinyTensors } from "../../checkpoint/_fixtures.ts";
import { bpeTokenizer, withFolder } from "../_fixtures.ts";

/** What each process may take at its peak; Deno itself with these modules takes about 100 MB. */
const MOST_MB = 400;
const GB = 2 ** 30;

/** The good header with one tensor that claims to have `gigabytes`, all others before it. */
function lyingHeader(gigabytes: number): string {
  let end = 0;
  const entries = Object.entries(tinyTensors()).map(([name, { dtype, shape, bytes }]) => {
    const begin = end;
    end += name === "model.norm.weight" ? gigabytes * GB : bytes.length;
    const size = name === "model.norm.weight" ? [gigabytes * GB / 4] : shape;
    return [name, { dtype, shape: size, data_offsets: [begin, end] }];
  });
  return JSON.stringify(Object.fromEntries(entries));
}

/** Writes a file that is `size` bytes long, and takes no room on most disks. */
async function writeSparse(path: string, { bytes, size }: { bytes: Uint8Array; size: number }): Promise<void> {
  await Deno.writeFile(path, bytes);
  await Deno.truncate(path, size);
}

Deno.test("openModelFolder() and loadTokenizer() take no memory for what a file claims", () =>
  withFolder(async (root) => {
    const model = async (name: string, { bytes, size }: { bytes: Uint8Array; size: number }): Promise<string> => {
      const dir = `${root}/${name}`;
      await Deno.mkdir(dir);
      await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(TINY_CONFIG));
      await writeSparse(`${dir}/model.safetensors`, { bytes, size });
      return dir;
    };
    const lie = lyingHeader(64);
    const good = rawSafetensors("{}", new Uint8Array());
    const models = [
      await model("header", { bytes: rawSafetensors("{}", new Uint8Array(), BigInt(8 * GB)), size: 16 * GB }),
      await model("short", { bytes: rawSafetensors(lie, new Uint8Array()), size: GB }),
      await model("whole", { bytes: rawSafetensors(lie, new Uint8Array()), size: 64 * GB }),
      await model("config", { bytes: good, size: good.length }),
      await model("index", { bytes: good, size: good.length }),
    ];
    await writeSparse(`${models[3]}/config.json`, { bytes: new Uint8Array(), size: 8 * GB });
    await Deno.remove(`${models[4]}/model.safetensors`);
    await writeSparse(`${models[4]}/model.safetensors.index.json`, { bytes: new Uint8Array(), size: 8 * GB });
    const tokenizer = async (name: string, json: unknown): Promise<string> => {
      const dir = `${root}/${name}`;
      await Deno.mkdir(dir);
      await Deno.writeTextFile(`${dir}/tokenizer.json`, JSON.stringify(json));
      await Deno.writeTextFile(`${dir}/tokenizer_config.json`, "{}");
      return dir;
    };
    const base = bpeTokenizer();
    const tokenizers = [
      await tokenizer("id", { ...base, model: { ...base.model as object, vocab: { a: 4e9 } } }),
      await tokenizer("large", base),
    ];
    await writeSparse(`${tokenizers[1]}/tokenizer.json`, { bytes: new Uint8Array(), size: 8 * GB });
    const core = new URL("../../../../core/", import.meta.url).href;
    const source = `
      import { openModelFolder } from "${core}checkpoint/model_folder.ts";
      import { loadTokenizer } from "${core}data/tokenizer/tokenizer.ts";
      const [models, tokenizers] = JSON.parse(Deno.args[0]);
      const started = performance.now();
      for (const [open, dirs] of [[openModelFolder, models], [loadTokenizer, tokenizers]]) {
        for (const dir of dirs) await open(dir).then(() => console.log("OPENED"), (error) => console.log(String(error)));
      }
      console.log(performance.now() - started);
      const status = await Deno.readTextFile("/proc/self/status").catch(() => "");
      console.log(Number(/VmHWM:\\s+(\\d+)/.exec(status)?.[1] ?? Deno.memoryUsage().rss / 1024) / 1024);
    `;
    await Deno.writeTextFile(`${root}/main.ts`, source);
    const config = fileURLToPath(new URL("../../../../deno.json", import.meta.url));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", `--config=${config}`, "--allow-read", `${root}/main.ts`].concat(
        JSON.stringify([models, tokenizers]),
      ),
    }).output();
    equal(code, 0, new TextDecoder().decode(stderr));
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    equal(lines.length, models.length + tokenizers.length + 2);
    for (const line of lines.slice(0, -2)) match(line, /^UserError: Cannot .*expected/);
    const [took, peak] = lines.slice(-2).map(Number) as [number, number];
    ok(took < 1000 * models.length, `it took ${took} ms`);
    ok(peak < MOST_MB, `the peak was ${peak} MB`);
  }));
