import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { downloadBlob, type RepoFile } from "../../../core/hub/download.ts";
import { RepoCache } from "../../../core/hub/hub_cache.ts";
import { HubClient } from "../../../core/hub/hub_client.ts";
import { readHubSettings } from "../../../core/hub/hub_settings.ts";
import { gitHash, sha256 } from "../../_shared/hub_server.ts";
import { bytesOf, type HubTest, refuses, withHub } from "./_hub.ts";

const CONTENT = bytesOf(200_000);
const repo = { type: "model", repo: "org/name", revision: "main" } as const;

/** What a download of model.safetensors works with. */
interface Download extends HubTest {
  cache: RepoCache;
  file: RepoFile;
  /** Where the part lies. */
  part: string;
  /** Sum of what was reported. */
  bytes: () => number;
  run: (options?: { file?: RepoFile; stallMs?: number; signal?: AbortSignal }) => Promise<void>;
}

function withDownload(use: (download: Download) => Promise<void>, path = "model.safetensors"): Promise<void> {
  return withHub(async (test) => {
    const { hub, env, options } = test;
    hub.add("model", repo.repo, { [path]: CONTENT });
    const settings = await readHubSettings((name) => env[name]);
    const cache = new RepoCache(settings.cache, repo);
    const hash = path === "model.safetensors" ? sha256(CONTENT) : gitHash(CONTENT);
    const file: RepoFile = { path, size: CONTENT.length, hash };
    await Deno.mkdir(`${cache.folder}/blobs`, { recursive: true });
    let sum = 0;
    const run: Download["run"] = async ({ file: other = file, ...more } = {}) => {
      const client = new HubClient(settings, { ...options, ...more });
      const about = { action: "Cannot use org/name", repo };
      const url = `${hub.url}/org/name/resolve/main/${path}`;
      await downloadBlob(client, { file: other, url, cache, about, onBytes: (count) => sum += count });
    };
    await use({ ...test, cache, file, run, part: `${cache.blob(hash)}.incomplete`, bytes: () => sum });
  });
}

async function isWhole({ cache, file, part, bytes }: Download): Promise<void> {
  deepEqual(await Deno.readFile(cache.blob(file.hash)), CONTENT);
  await rejects(Deno.stat(part), Deno.errors.NotFound);
  equal(bytes(), CONTENT.length);
}

/** The ranges that the store was asked for. */
function ranges({ hub }: Download): (string | null)[] {
  return hub.requests.filter(({ host }) => host === "store").map(({ range }) => range);
}

const STORE = /^GET \/[0-9a-f]{64}$/;

for (const path of ["model.safetensors", "notes.txt"]) {
  Deno.test(`a download ends in a blob that is called by its hash (${path})`, () =>
    withDownload(async (download) => {
      await download.run();
      await isWhole(download);
    }, path));
}

Deno.test("a connection that breaks is taken up where it broke", () =>
  withDownload(async (download) => {
    download.hub.faults.push({ match: STORE, cutAfter: 70_000 }, { match: STORE, cutAfter: 60_000 });
    await download.run();
    await isWhole(download);
    deepEqual(ranges(download), [null, "bytes=70000-", "bytes=130000-"]);
  }));

Deno.test("connections that break again and again without a byte end in an error; what is there stays", () =>
  withDownload(async (download) => {
    download.hub.faults.push({ match: STORE, cutAfter: 70_000 }, { match: STORE, cutAfter: 0, times: 99 });
    await refuses(download.run(), /^Cannot use org\/name: no connection \(|the connection broke off after 70000 of/);
    equal((await Deno.stat(download.part)).size, 70_000);
    ok(ranges(download).length < 10);
    download.hub.faults.length = 0;
    await download.run();
    deepEqual(await Deno.readFile(download.cache.blob(download.file.hash)), CONTENT);
  }));

Deno.test("what a killed process left is gone on with", () =>
  withDownload(async (download) => {
    await Deno.writeFile(download.part, CONTENT.subarray(0, 150_000));
    await download.run();
    await isWhole(download);
    deepEqual(ranges(download), ["bytes=150000-"]);
  }));

Deno.test("a part that is whole needs no request", () =>
  withDownload(async (download) => {
    await Deno.writeFile(download.part, CONTENT);
    await download.run();
    await isWhole(download);
    deepEqual(download.hub.requests, []);
  }));

Deno.test("a part that is too long, or other than it should be, is thrown away", () =>
  withDownload(async (download) => {
    await Deno.writeFile(download.part, bytesOf(200_001, 9));
    await download.run();
    await isWhole(download);
    await Deno.remove(download.cache.blob(download.file.hash));
    await Deno.writeFile(download.part, bytesOf(1000, 9));
    await download.run();
    deepEqual(await Deno.readFile(download.cache.blob(download.file.hash)), CONTENT);
    deepEqual(ranges(download), [null, "bytes=1000-", null]);
  }));

Deno.test("a server that knows no ranges sends the whole again", () =>
  withDownload(async (download) => {
    await Deno.writeFile(download.part, CONTENT.subarray(0, 1000));
    download.hub.faults.push({ match: STORE, ignoreRange: true });
    await download.run();
    await isWhole(download);
  }));

Deno.test("a range that the server does not have begins anew", () =>
  withDownload(async (download) => {
    await Deno.writeFile(download.part, CONTENT.subarray(0, 1000));
    download.hub.faults.push({ match: STORE, status: 416 });
    await download.run();
    await isWhole(download);
    deepEqual(ranges(download), ["bytes=1000-", null]);
  }));

Deno.test("content with another hash is fetched once more, and then refused and deleted", () =>
  withDownload(async (download) => {
    download.hub.faults.push({ match: STORE, corrupt: true });
    await download.run();
    await isWhole(download);
    await Deno.remove(download.cache.blob(download.file.hash));
    download.hub.faults.push({ match: STORE, corrupt: true, times: 2 });
    const wrong = /model\.safetensors has the SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}, twice; it is damaged/;
    await refuses(download.run(), wrong);
    const left = [...Deno.readDirSync(`${download.cache.folder}/blobs`)];
    deepEqual(left, []);
  }));

Deno.test("more than the hub lists is refused", () =>
  withDownload(async (download) => {
    const file = { ...download.file, size: 100_000 };
    await refuses(download.run({ file }), /model\.safetensors is longer than the 100000 bytes that the hub lists$/);
  }));

Deno.test("a server that falls silent is asked again", () =>
  withDownload(async (download) => {
    download.hub.faults.push({ match: STORE, stallAfter: 90_000 });
    await download.run({ stallMs: 200 });
    await isWhole(download);
    deepEqual(ranges(download), [null, "bytes=90000-"]);
  }));

Deno.test("a stopped download keeps what it has", () =>
  withDownload(async (download) => {
    download.hub.faults.push({ match: STORE, stallAfter: 90_000 });
    const stop = new AbortController();
    const running = download.run({ signal: stop.signal });
    setTimeout(() => stop.abort(new Error("stop")), 200);
    await rejects(running, /^Error: stop$/);
    equal((await Deno.stat(download.part)).size, 90_000);
  }));
