/** Models and data by name: a run that is killed while it downloads, a branch that moves, a push, and no name at all. @module */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import {
  denoArgs,
  dnpo,
  runConfig,
  startDnpo,
  succeeded,
  withFolder,
  withoutWarnings,
  writeConfig,
} from "../_shared/dnpo.ts";
import { HubServer } from "../_shared/hub_server.ts";
import { jsonLines, tinyPairs, tinyRows, writeTinyModel } from "../_shared/tiny_model.ts";

const SECRET = "hf_Secret0123456789";

/** A run over models and rows in DIR, or over the same by their names on a hub. */
function config(dir: string, name: string, source: (name: string) => string): { output_dir: string } {
  return {
    output_dir: `${dir}/${name}`,
    model: source("model"),
    iterations: 1,
    data: { train: source("rows"), eval: source("held") },
    generation: { max_new_tokens: 5 },
    labels: { judge: "logprob", model: source("judge") },
    training: { max_steps: 2, per_device_train_batch_size: 4, learning_rate: 1e-3, logging_steps: 1 },
  } as { output_dir: string };
}

const NAMES: Record<string, string> = {
  model: "org/model",
  judge: "org/judge@v1",
  rows: "org/rows",
  held: "org/rows:default/test",
};

async function withServed(
  use: (dir: string, hub: HubServer, env: Record<string, string>) => Promise<void>,
): Promise<void> {
  await withFolder(async (dir) => {
    await using hub = new HubServer();
    hub.tokens.add(SECRET);
    await writeTinyModel(`${dir}/model`);
    await writeTinyModel(`${dir}/judge`, { seed: 2 });
    await Deno.writeTextFile(`${dir}/rows`, jsonLines(tinyRows(12)));
    await Deno.writeTextFile(`${dir}/held`, jsonLines(tinyRows(5)));
    await hub.addFolder("model", "org/model", `${dir}/model`, { isPrivate: true });
    const judge = await hub.addFolder("model", "org/judge", `${dir}/judge`, { gated: true });
    judge.refs.set("v1", judge.refs.get("main")!);
    const read = (name: string) => Deno.readTextFile(`${dir}/${name}`);
    hub.add("dataset", "org/rows", { "train.jsonl": await read("rows"), "test.jsonl": await read("held") });
    await use(dir, hub, { HF_ENDPOINT: hub.url, HF_HOME: `${dir}/hf`, HF_TOKEN: SECRET });
  });
}

/** Every file below a folder, as text. */
async function* texts(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* texts(`${folder}/${name}`);
    else yield new TextDecoder("latin1").decode(await Deno.readFile(`${folder}/${name}`));
  }
}

Deno.test("a run by names is the run by paths, though it is killed while it downloads and the branch moves", () =>
  withServed(async (dir, hub, env) => {
    await runConfig("train", config(dir, "whole", (name) => `${dir}/${name}`));
    const args = ["train", await writeConfig(config(dir, "run", (name) => NAMES[name]!))];
    hub.faults.push({ match: /^GET \/[0-9a-f]{64}/, bytesPerSecond: 10_000 });
    const first = startDnpo(args, env);
    const blobs = `${dir}/hf/hub/models--org--model/blobs`;
    const isUnderWay = async (): Promise<boolean> => {
      for await (const { name } of Deno.readDir(blobs)) {
        if (name.endsWith(".incomplete") && (await Deno.stat(`${blobs}/${name}`)).size > 1000) return true;
      }
      return false;
    };
    while (!await isUnderWay().catch(() => false)) await new Promise((done) => setTimeout(done, 20));
    first.kill("SIGKILL");
    await first.output();
    const repo = hub.repos.get("models/org/model")!;
    const before = repo.refs.get("main");
    hub.commit(repo, { "config.json": "{}", "model.safetensors": "other" });

    hub.requests.length = 0;
    const { out, err, code } = await dnpo(args, env);
    equal(code, 0, err);
    ok(hub.seen(/^GET \/[0-9a-f]{64}/)[0]!.range?.startsWith("bytes="), "the download is gone on with");
    match(err, /^download org\/model {2}\d/m);
    for (const name of ["metrics.jsonl", "model/model.safetensors"]) {
      deepEqual(await Deno.readFile(`${dir}/run/${name}`), await Deno.readFile(`${dir}/whole/${name}`), name);
    }
    const { sources } = JSON.parse(await Deno.readTextFile(`${dir}/run/sources.json`));
    deepEqual(
      sources.map(({ source }: { source: string }) => source),
      Object.values({
        model: NAMES.model,
        rows: NAMES.rows,
        held: NAMES.held,
        judge: NAMES.judge,
      }),
    );
    equal(sources[0].commit, before);
    match(await Deno.readTextFile(`${dir}/run/config.yaml`), /^model: org\/model\n/);

    ok(hub.requests.every(({ host, authorization }) => host === "hub" || authorization === null));

    // Nobody asks the hub again, and nothing has told the token.
    hub.requests.length = 0;
    equal((await dnpo(args, env)).code, 0);
    deepEqual(hub.requests, []);
    for await (const text of texts(dir)) ok(!text.includes(SECRET));
    ok(!`${out}${err}`.includes(SECRET));

    // What came out goes back, and is a model that can be taken up by its name.
    const push = ["push", `${dir}/run`, "me/new"];
    const shown = await dnpo([...push, "--dry-run"], env);
    match(
      shown.err,
      /^Would send to me\/new \(a private repository, made if it is not there yet\):\n {2}README\.md +\d/,
    );
    match(shown.out, /^---\nlibrary_name: transformers\n[\s\S]*base_model: org\/model\n/);
    equal(hub.repos.has("models/me/new"), false);
    match(
      succeeded(push, await dnpo(push, env)),
      /^Pushed: http:\/\/127\.0\.0\.1:\d+\/me\/new \(commit [0-9a-f]{12}\)\n$/,
    );
    const pushed = hub.repos.get("models/me/new")!;
    const files = pushed.commits.get(pushed.refs.get("main")!)!;
    equal(new TextDecoder().decode(files.get("README.md")), shown.out);
    ok(new TextDecoder().decode(files.get("figure.svg")).startsWith("<svg"));
    deepEqual(files.get("model.safetensors"), await Deno.readFile(`${dir}/run/model/model.safetensors`));
    const scores = ["score", "--quiet", "--pairs", `${dir}/run/iteration-0/pairs.jsonl`, "--model"];
    const byName = succeeded(scores, await dnpo([...scores, "me/new"], env));
    equal(byName, succeeded(scores, await dnpo([...scores, `${dir}/run/model`])));
  }));

Deno.test("a model of the hub's cache that is exchanged after a kill is refused in a line that names it", () =>
  withServed(async (dir, hub, env) => {
    const settings = config(dir, "run", (name) => NAMES[name]!);
    const args = ["train", await writeConfig(settings), "--quiet"];
    const first = startDnpo(args, env);
    const isUnderWay = (): Promise<boolean> =>
      Deno.stat(`${dir}/run/iteration-0/responses.partial.jsonl`).then(() => true, () => false);
    while (!await isUnderWay()) await new Promise((done) => setTimeout(done, 2));
    first.kill("SIGKILL");
    await first.output();
    await writeTinyModel(`${dir}/other`, { seed: 3 });
    const other = await Deno.readFile(`${dir}/other/model.safetensors`);
    hub.requests.length = 0;
    for (const [name, as] of [["model", "model"], ["judge", "judge"]] as const) {
      const snapshots = `${dir}/hf/hub/models--org--${name}/snapshots`;
      const [{ name: commit }] = await Array.fromAsync(Deno.readDir(snapshots)) as [Deno.DirEntry];
      const weights = `${snapshots}/${commit}/model.safetensors`;
      const kept = await Deno.readFile(weights);
      equal(kept.length, other.length);
      await Deno.writeFile(weights, other);
      const { code, err } = await dnpo(args, env);
      equal(code, 1, err);
      match(
        withoutWarnings(err),
        new RegExp(
          `^error: Cannot go on with the run in \\S+/run: ${snapshots}/${commit} is not the ${as} that it began with: ` +
            `model\\.safetensors has SHA-256 \\S{16}…, expected \\S{16}…; put that ${as} back, or [^\\n]*\\n$`,
        ),
      );
      await Deno.writeFile(weights, kept);
    }
    equal((await dnpo(args, env)).code, 0);
    deepEqual(hub.requests, []);
  }));

Deno.test("compare and score take names, compare keeps none of them and sees that a branch has moved", () =>
  withServed(async (dir, hub, env) => {
    const out = `${dir}/out`;
    const models = ["compare", NAMES.model!, `${dir}/judge`, "--prompts", NAMES.rows!, "--limit", "3"];
    const judge = ["--judge", "logprob", "--judge-model", NAMES.judge!, "--max-new-tokens", "4"];
    const args = [...models, ...judge, "--json", "--quiet", "--set", `output_dir=${out}`];
    const compare = async () => JSON.parse(succeeded(args, await dnpo(args, env)));
    const { rows, ties } = await compare();
    equal(rows, 3);
    ok(ties < 3);
    const { commits, refs } = hub.repos.get("models/org/judge")!;
    hub.commit(hub.repos.get("models/org/model")!, Object.fromEntries(commits.get(refs.get("v1")!)!));
    equal((await compare()).ties, 3);
    await rejects(Deno.stat(out), Deno.errors.NotFound);

    hub.add("dataset", "org/pairs", { "train.jsonl": jsonLines(tinyPairs(2)) });
    const score = ["score", "--quiet", "--model", NAMES.judge!, "--pairs", "org/pairs"];
    equal(succeeded(score, await dnpo(score, env)).trim().split("\n").length, 2);
  }));

Deno.test("a run without names does nothing on the network, and needs no HOME", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(4)));
    const settings = {
      output_dir: `${dir}/run`,
      model: `${dir}/model`,
      data: { train: `${dir}/rows.jsonl` },
      training: { max_steps: 1 },
    };
    const args = denoArgs(["sft", await writeConfig(settings), "--quiet"]);
    const without = args.filter((arg) => !arg.startsWith("--allow-net")).toSpliced(1, 0, "--no-prompt", "--deny-net");
    const run = new Deno.Command(Deno.execPath(), { args: without, env: { HOME: "", HF_HOME: "" } });
    const { code, stderr } = await run.output();
    equal(code, 0, new TextDecoder().decode(stderr));
  }));

Deno.test("evaluate ends at once, with the usual line, when it is stopped while it downloads", () =>
  withServed(async (dir, hub, env) => {
    hub.add("dataset", "baber/piqa", {
      "validation.jsonl": jsonLines([{ goal: "a", sol1: "b", sol2: "c", label: 0 }]),
    });
    hub.faults.push({ match: /GET .*baber\/piqa.*validation\.jsonl/, times: 9, stallAfter: 3 });
    const child = startDnpo(["evaluate", `${dir}/model`, "--tasks", "piqa", "-o", `${dir}/out`], env);
    const out = child.stdout.text();
    const err = child.stderr.text();
    const start = performance.now();
    while (hub.seen(/piqa.*validation\.jsonl/).length === 0 && performance.now() - start < 60_000) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const stopped = performance.now();
    child.kill("SIGINT");
    equal((await child.status).code, 130);
    ok(performance.now() - stopped < 10_000);
    match(await err, /\nStopped\. The answers so far are kept in \S+, and the same command goes on from there\.\n$/);
    equal(await out, "");
  }));
