import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { type PushFile, pushFiles, type PushFilesOptions } from "../../../core/hub/push_files.ts";
import type { ProgressEvent } from "../../../core/progress.ts";
import { sha256 } from "../../_shared/hub_server.ts";
import { bytesOf, type HubTest, refuses, withHub } from "./_hub.ts";

const WEIGHTS = bytesOf(100_000);
const CARD = "---\ntags:\n- dnpo\n---\n# Ärger mit „Umlauten“\n";

interface PushTest extends HubTest {
  push: (options?: Partial<PushFilesOptions>) => ReturnType<typeof pushFiles>;
  /** A file of a branch as the hub has it. */
  file: (path: string, branch?: string) => Uint8Array | undefined;
}

function withPush(use: (test: PushTest) => Promise<void>): Promise<void> {
  return withHub(async (test) => {
    const { hub, dir, env, options } = test;
    hub.tokens.add("hf_secret");
    env.HF_TOKEN = "hf_secret";
    await Deno.writeFile(`${dir}/weights`, WEIGHTS);
    const files: PushFile[] = [
      { path: "README.md", size: new TextEncoder().encode(CARD).length, content: { text: CARD } },
      { path: "model.safetensors", size: WEIGHTS.length, content: { file: `${dir}/weights` } },
    ];
    const { env: read, retryMs, onNote } = options as Required<typeof options>;
    const given = { repo: "me/new", files, isPublic: false, message: "Upload", env: read, retryMs, onNote };
    await use({
      ...test,
      push: (more) => pushFiles({ ...given, ...more }),
      file: (path, branch = "main") => {
        const repo = hub.repos.get("models/me/new")!;
        return repo.commits.get(repo.refs.get(branch)!)?.get(path);
      },
    });
  });
}

Deno.test("a push makes a private repository, stores the large files and commits all", () =>
  withPush(async ({ hub, push, file }) => {
    const events: ProgressEvent[] = [];
    const { url, commit } = await push({ onProgress: (event) => events.push(event) });
    equal(url, `${hub.url}/me/new`);
    const repo = hub.repos.get("models/me/new")!;
    deepEqual([repo.private, repo.refs.get("main"), hub.messages], [true, commit, ["Upload"]]);
    equal(new TextDecoder().decode(file("README.md")), CARD);
    deepEqual(file("model.safetensors"), WEIGHTS);
    equal(hub.seen(/^PUT/).length, 1);
    const last = (stage: string) => events.findLast((event) => event.stage === stage);
    deepEqual(last("hash for me/new"), { stage: "hash for me/new", done: 100_000, total: 100_000, unit: "bytes" });
    deepEqual(last("upload me/new"), { stage: "upload me/new", done: 100_000, total: 100_000, unit: "bytes" });
    ok(hub.requests.every(({ host, authorization }) => authorization === (host === "hub" ? "Bearer hf_secret" : null)));
  }));

Deno.test("a second push changes what is there, and sends no large file again", () =>
  withPush(async ({ hub, push, file }) => {
    await push();
    await push({ message: "Again", isPublic: true });
    equal(hub.seen(/^PUT/).length, 1);
    deepEqual(hub.messages, ["Upload", "Again"]);
    equal(hub.repos.get("models/me/new")!.private, true);
    deepEqual(hub.seen(/revision/), []);
    await push({ revision: "v1", files: [{ path: "config.json", size: 2, content: { text: "{}" } }] });
    equal(file("config.json"), undefined);
    equal(new TextDecoder().decode(file("config.json", "v1")), "{}");
    deepEqual(file("model.safetensors", "v1"), WEIGHTS);
    await push({ revision: "v1" });
  }));

Deno.test("a public repository is public", () =>
  withPush(async ({ hub, push }) => {
    await push({ isPublic: true });
    equal(hub.repos.get("models/me/new")!.private, false);
  }));

Deno.test("large files go in parts where the hub asks for them", () =>
  withPush(async ({ hub, push, file }) => {
    hub.partSize = 30_000;
    await push();
    equal(hub.seen(/^PUT/).length, 4);
    deepEqual(file("model.safetensors"), WEIGHTS);
    ok(hub.store.has(sha256(WEIGHTS)));
  }));

Deno.test("an upload that breaks or is put off is sent again", () =>
  withPush(async ({ hub, push, file }) => {
    hub.faults.push({ match: /^PUT/, status: 503 }, {
      match: /preupload/,
      status: 429,
      headers: { "retry-after": "0" },
    });
    await push();
    deepEqual(hub.faults, []);
    deepEqual(file("model.safetensors"), WEIGHTS);
  }));

Deno.test("what stands in the way of a push is said in one line", () =>
  withPush(async ({ hub, env, push }) => {
    await refuses(push({ repo: "new" }), /^Cannot push to "new": expected org\/name, such as your-name\/my-model$/);
    await refuses(push({ repo: "me/new@v1" }), /^Cannot push to "me\/new@v1": expected org\/name/);
    await refuses(push({ repo: "elsewhere/new" }), /there is no such repository, and the token may not make one for/);
    env.HF_HUB_OFFLINE = "1";
    await refuses(push(), /^Cannot push to me\/new: HF_HUB_OFFLINE is set$/);
    env.HF_HUB_OFFLINE = "";
    env.HF_TOKEN = "hf_other";
    await refuses(push(), /does not accept the token; check HF_TOKEN(?!.*hf_other)/);
    env.HF_TOKEN = "";
    const before = hub.requests.length;
    await refuses(push(), /^Cannot push to me\/new: there is no token; set HF_TOKEN to one with write access \(http/);
    equal(hub.requests.length, before);
  }));

Deno.test("a token that may write and not make repositories can push to one that is there", () =>
  withPush(async ({ hub, push }) => {
    hub.create("model", "elsewhere/new");
    hub.commit(hub.repos.get("models/elsewhere/new")!, { "README.md": "old" });
    await push({ repo: "elsewhere/new" });
    hub.faults.push({ match: /commit/, status: 403 });
    await refuses(
      push({ repo: "elsewhere/new" }),
      /the token may not write there; it needs write access to elsewhere$/,
    );
  }));

Deno.test("a push can be stopped", () =>
  withPush(async ({ hub, push }) => {
    hub.faults.push({ match: /^PUT/, status: 503, times: 99 });
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("stop")), 200);
    await rejects(push({ signal: stop.signal, retryMs: 50 }), /^Error: stop$/);
    deepEqual(hub.messages, []);
  }));
