import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { frontMatter, resolveDataset, resolveModel, type SourceRecord } from "../../../core/hub/resolve_name.ts";
import type { ProgressEvent } from "../../../core/progress.ts";
import { gitHash, sha256 } from "../../_shared/hub_server.ts";
import { bytesOf, MODEL, refuses, withHub } from "./_hub.ts";

const USED = [
  "chat_template.jinja",
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
];

Deno.test("a model's own files, and no others, lie in the cache as Python's client has them", () =>
  withHub(async ({ hub, dir, options, notes }) => {
    const repo = hub.add("model", "org/name", MODEL);
    const commit = repo.refs.get("main")!;
    const { paths, record } = await resolveModel("org/name", options);
    const folder = `${dir}/hf/hub/models--org--name`;
    deepEqual(paths, [`${folder}/snapshots/${commit}`]);
    deepEqual([...Deno.readDirSync(paths[0]!)].map(({ name }) => name).sort(), USED);
    equal(await Deno.readTextFile(`${folder}/refs/main`), commit);
    const weights = MODEL["model.safetensors"] as Uint8Array;
    equal(await Deno.readLink(`${paths[0]}/model.safetensors`), `../../blobs/${sha256(weights)}`);
    const config = new TextEncoder().encode(MODEL["config.json"] as string);
    equal(await Deno.readLink(`${paths[0]}/config.json`), `../../blobs/${gitHash(config)}`);
    deepEqual(await Deno.readFile(`${paths[0]}/model.safetensors`), weights);
    equal(record?.commit, commit);
    equal(record?.license, "apache-2.0");
    deepEqual(record?.files.map(({ path }) => path).sort(), USED);
    match(notes.at(-1)!, new RegExp(`^org/name: main is ${commit.slice(0, 12)}, 6 files, 50\\.1 kB$`));
  }));

Deno.test("what is in the cache is not downloaded again; what is not is", () =>
  withHub(async ({ hub, options }) => {
    const repo = hub.add("model", "org/name", MODEL);
    await resolveModel("org/name", options);
    hub.requests.length = 0;
    await resolveModel("org/name", options);
    deepEqual(hub.seen(/resolve/), []);
    hub.commit(repo, { "config.json": '{"new": 1}' });
    const { paths } = await resolveModel("org/name", options);
    deepEqual(hub.seen(/resolve/).map(({ path }) => path.split("/").at(-1)), ["config.json"]);
    equal(await Deno.readTextFile(`${paths[0]}/config.json`), '{"new": 1}');
  }));

Deno.test("the shards that the index names are taken, and other weights are not", () =>
  withHub(async ({ hub, options }) => {
    const names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const index = { weight_map: { a: names[0], b: names[1], c: names[0] } };
    const files = {
      "config.json": "{}",
      "model.safetensors.index.json": JSON.stringify(index),
      [names[0]!]: bytesOf(2000, 1),
      [names[1]!]: bytesOf(3000, 2),
      "consolidated.safetensors": bytesOf(5000, 3),
    };
    const repo = hub.add("model", "org/large", files);
    const { record } = await resolveModel("org/large", options);
    deepEqual(record?.files.map(({ path }) => path), ["config.json", "model.safetensors.index.json", ...names]);
    hub.commit(repo, { "model.safetensors.index.json": '{"weight_map": {"a": "gone.safetensors"}}' });
    await refuses(resolveModel("org/large", options), /there is no gone\.safetensors, which model\.safetensors\.index/);
    hub.add("model", "org/bin", { "config.json": "{}", "pytorch_model.bin": "x" });
    await refuses(resolveModel("org/bin", options), /no model\.safetensors \(pytorch_model\.bin is not read, expected/);
    hub.add("model", "org/gguf", { "m-Q8_0.gguf": "GGUF" });
    await refuses(
      resolveModel("org/gguf", options),
      /no model\.safetensors \(a GGUF file such as m-Q8_0\.gguf is not read from the hub: download it, and name its path\)/,
    );
    hub.requests.length = 0;
    deepEqual(await resolveModel("models/none.gguf", options), { paths: ["models/none.gguf"], record: null });
    deepEqual(hub.requests, []);
    const lora = hub.add("model", "org/lora", { "adapter_config.json": "{}", "adapter_model.bin": "x" });
    await refuses(
      resolveModel("org/lora", options),
      /there is no adapter_model\.safetensors, which adapter_config\.json belongs to/,
    );
    hub.commit(lora, { "adapter_model.safetensors": "x", "tokenizer.json": "{}", "optimizer.pt": "x" });
    const adapter = await resolveModel("org/lora", options);
    deepEqual(
      adapter.record?.files.map(({ path }) => path),
      ["tokenizer.json", "adapter_config.json", "adapter_model.safetensors"],
    );
  }));

Deno.test("a known commit is used though the branch has moved, and without a request where its files are there", () =>
  withHub(async ({ hub, dir, options }) => {
    const repo = hub.add("model", "org/name", MODEL);
    const records: SourceRecord[] = [];
    const first = await resolveModel("org/name", { ...options, onRecord: (record) => void records.push(record) });
    deepEqual(records, [first.record]);
    hub.commit(repo, { "config.json": "{}" });
    hub.requests.length = 0;
    const again = await resolveModel("org/name", { ...options, known: [first.record!] });
    deepEqual(again, first);
    deepEqual(hub.requests, []);
    // The cache is gone, the commit is not.
    await Deno.remove(`${dir}/hf`, { recursive: true });
    const anew = await resolveModel("org/name", { ...options, known: [first.record!] });
    deepEqual(anew, first);
    equal(await Deno.readTextFile(`${anew.paths[0]}/config.json`), MODEL["config.json"]);
    // Nor is the branch said to be there.
    await rejects(Deno.stat(`${dir}/hf/hub/models--org--name/refs/main`), Deno.errors.NotFound);
    ok((await resolveModel("org/name", options)).record!.commit !== first.record!.commit);
  }));

Deno.test("an existing path wins over a name, and what can only be a path is one, without a request", () =>
  withHub(async ({ hub, options }) => {
    const here = fileURLToPath(new URL("../../../", import.meta.url));
    const before = Deno.cwd();
    Deno.chdir(here);
    try {
      hub.add("model", "core/hub", MODEL);
      for (const path of ["core/hub", "./no/such", "/no/such", "model"]) {
        deepEqual(await resolveModel(path, options), { paths: [path], record: null });
        deepEqual(await resolveDataset(path, options), { paths: [path], record: null });
      }
    } finally {
      Deno.chdir(before);
    }
    deepEqual(hub.requests, []);
  }));

Deno.test("HF_HUB_OFFLINE takes the cache alone, or says what is missing", () =>
  withHub(async ({ hub, env, dir, options }) => {
    hub.add("model", "org/name", MODEL);
    env.HF_HUB_OFFLINE = "1";
    await refuses(resolveModel("org/name", options), /HF_HUB_OFFLINE is set while .*models--org--name does not hold/);
    deepEqual(hub.requests, []);
    env.HF_HUB_OFFLINE = "0";
    const online = await resolveModel("org/name", options);
    env.HF_HUB_OFFLINE = "1";
    hub.requests.length = 0;
    const { paths, record } = await resolveModel("org/name", options);
    deepEqual(paths, online.paths);
    const byPath = ({ files }: SourceRecord) => files.toSorted((a, b) => a.path < b.path ? -1 : 1);
    deepEqual(byPath(record!), byPath(online.record!));
    deepEqual(hub.requests, []);
    await Deno.remove(`${dir}/hf/hub/models--org--name/blobs/${sha256(MODEL["model.safetensors"] as Uint8Array)}`);
    await refuses(resolveModel("org/name", options), /from the cache alone \(.*\): there is no model\.safetensors$/);
  }));

Deno.test("without a connection the cache's commit goes on, and that is said", () =>
  withHub(async ({ hub, env, options, notes }) => {
    hub.add("model", "org/name", MODEL);
    const online = await resolveModel("org/name", options);
    env.HF_ENDPOINT = "http://127.0.0.1:1023";
    notes.length = 0;
    deepEqual((await resolveModel("org/name", options)).paths, online.paths);
    match(notes[0]!, /no connection .*; going on with the cache's commit [0-9a-f]{12}$/);
  }));

Deno.test("progress counts bytes once, from what was there to the end", () =>
  withHub(async ({ hub, options }) => {
    hub.add("model", "org/name", { ...MODEL, "added_tokens.json": MODEL["config.json"]! });
    hub.faults.push({ match: /^GET \/[0-9a-f]{64}/, corrupt: true });
    const events: ProgressEvent[] = [];
    await resolveModel("org/name", { ...options, onProgress: (event) => events.push(event) });
    ok(events.every(({ stage, unit, done, total }) =>
      stage === "download org/name" && unit === "bytes" && done >= 0 && done <= total
    ));
    // Files with the same content are downloaded once.
    const total = [
      ...new Set(USED.map((name) =>
        MODEL[name]!
      )),
    ].reduce((sum, { length }) => sum + length, 0);
    deepEqual([events[0]!.done, events.at(-1)!.done, events.at(-1)!.total], [0, total, total]);
  }));

Deno.test("two processes' downloads of the same file wait for each other", () =>
  withHub(async ({ hub, options, notes }) => {
    hub.add("model", "org/name", MODEL);
    hub.faults.push({ match: /^GET \/[0-9a-f]{64}/, bytesPerSecond: 100_000 });
    const both = await Promise.all([resolveModel("org/name", options), resolveModel("org/name", options)]);
    deepEqual(both[0]!.paths, both[1]!.paths);
    equal(hub.seen(/^GET \/[0-9a-f]{64}/).length, 1);
    ok(notes.includes("Waiting for another process that downloads model.safetensors of org/name"));
  }));

Deno.test("where links are not allowed the files lie in the snapshot themselves", () =>
  withHub(async ({ hub, dir, env }) => {
    hub.add("model", "org/name", MODEL);
    const module = new URL("../../../core/hub/resolve_name.ts", import.meta.url).href;
    const source = `import { resolveModel } from ${JSON.stringify(module)};
      const env = ${JSON.stringify(env)};
      for (const offline of ["0", "1"]) {
        const { paths } = await resolveModel("org/name", { env: (name) => ({ ...env, HF_HUB_OFFLINE: offline })[name] });
        console.log(paths[0]);
      }`;
    await Deno.writeTextFile(`${dir}/main.ts`, source);
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      // Links need the right to write anywhere.
      args: ["run", "--no-check", `--config=${fileURLToPath(new URL("../../../deno.json", import.meta.url))}`]
        .concat(["--quiet", "--no-prompt", "--allow-net=127.0.0.1,localhost", "--ignore-env", "--allow-read"])
        .concat([`--allow-write=${dir}`, `${dir}/main.ts`]),
    }).output();
    ok(success, new TextDecoder().decode(stderr));
    const [online, offline] = new TextDecoder().decode(stdout).trim().split("\n");
    equal(online, offline);
    ok((await Deno.lstat(`${online}/model.safetensors`)).isFile);
    deepEqual(await Deno.readFile(`${online}/model.safetensors`), MODEL["model.safetensors"]);
    // Not twice on the disk.
    deepEqual([...Deno.readDirSync(`${dir}/hf/hub/models--org--name/blobs`)], []);
  }));

Deno.test("a path in a listing that would leave the cache is not taken, and refused where its rows are wanted", () =>
  withHub(async ({ hub, dir, options }) => {
    const evil = ["x/../../../../../rows.jsonl", "x//rows.png", "/rows.png", "a\\b.png"];
    hub.add("dataset", "org/evil", Object.fromEntries([...evil, "rows.jsonl"].map((path) => [path, `${path}\n`])));
    const { record } = await resolveDataset("org/evil", options);
    deepEqual(record?.files.map(({ path }) => path), ["rows.jsonl"]);
    for (const path of ["/rows.jsonl", "a\\b.jsonl", "c:d.jsonl"]) {
      hub.add("dataset", "org/more", { [path]: "{}\n", "rows.jsonl": "{}\n" });
      await refuses(
        resolveDataset("org/more", options),
        /^Cannot use org\/more: the hub lists ".+" by a path that is not/,
      );
    }
    await rejects(Deno.stat(`${dir}/hf/rows.jsonl`), Deno.errors.NotFound);
  }));

Deno.test("a data set's files are those of its configuration and split; splits of one revision are of one commit", () =>
  withHub(async ({ hub, options }) => {
    const card = "---\nconfigs:\n- config_name: main\n  data_files:\n  - split: train\n    path: main/train-*\n" +
      "  - split: test\n    path: main/test.parquet\n- config_name: other\n  data_files: other.jsonl\n---\n";
    const repo = hub.add("dataset", "org/data", {
      "README.md": card,
      "main/train-00000-of-00002.parquet": bytesOf(300, 1),
      "main/train-00001-of-00002.parquet": bytesOf(300, 2),
      "main/test.parquet": bytesOf(300, 3),
      "other.jsonl": "{}\n",
    });
    const train = await resolveDataset("org/data:main", options);
    deepEqual(train.paths.map((path) => path.split("/").slice(-2).join("/")), [
      "main/train-00000-of-00002.parquet",
      "main/train-00001-of-00002.parquet",
    ]);
    deepEqual(await Deno.readFile(train.paths[1]!), bytesOf(300, 2));
    deepEqual([train.record?.config, train.record?.split], ["main", "train"]);
    hub.commit(repo, { "main/test.parquet": bytesOf(300, 4) });
    const test = await resolveDataset("org/data:main/test", { ...options, known: [train.record!] });
    equal(test.record?.commit, train.record?.commit);
    deepEqual(await Deno.readFile(test.paths[0]!), bytesOf(300, 3));
    await refuses(resolveDataset("org/data", options), /several configurations, expected one of "main", "other"/);
    const held = await resolveDataset("org/data:main", { ...options, prefer: ["test", "validation"] });
    equal(held.record?.split, "test");
  }));

Deno.test("one name for training and for evaluation is two splits", () =>
  withHub(async ({ hub, options }) => {
    hub.add("dataset", "org/data", { "train.jsonl": "1\n", "test.jsonl": "2\n" });
    const train = await resolveDataset("org/data", options);
    const known = [train.record!];
    const held = await resolveDataset("org/data", { ...options, known, prefer: ["test", "validation"] });
    deepEqual([train.record?.split, held.record?.split], ["train", "test"]);
    hub.requests.length = 0;
    const again = { ...options, known: [train.record!, held.record!] };
    deepEqual(await resolveDataset("org/data", again), train);
    deepEqual(await resolveDataset("org/data", { ...again, prefer: ["test", "validation"] }), held);
    deepEqual(hub.requests, []);
  }));

Deno.test("frontMatter() reads what stands between the first dashes, or nothing", () => {
  deepEqual(frontMatter("---\na: 1\n---\ntext"), { a: 1 });
  deepEqual(frontMatter("\uFEFF---\r\na: [1]\r\n---"), { a: [1] });
  equal(frontMatter("text\n---\na: 1\n---\n"), null);
  equal(frontMatter("---\na: [1\n---\n"), null);
  equal(frontMatter("---\na: 1\n"), null);
});
