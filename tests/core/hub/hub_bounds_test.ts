/** A hub that is hostile or broken: whatever it sends, the client ends in time, within memory, with one line. */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { redirectTarget } from "../../../core/hub/hub_client.ts";
import { resolveDataset, resolveModel } from "../../../core/hub/resolve_name.ts";
import { json } from "../../_shared/hub_server.ts";
import { bytesOf, type HubTest, MODEL, refuses, withHub } from "./_hub.ts";

const STALL_MS = 200;

/** A body that never ends; a piece comes every so many milliseconds. */
function endless(
  piece: string | Uint8Array,
  { everyMs, status = 200 }: { everyMs: number; status?: number },
): Response {
  let timer: ReturnType<typeof setInterval>;
  const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => void (timer = setInterval(() => controller.enqueue(bytes), everyMs)),
    cancel: () => clearInterval(timer),
  });
  return new Response(body, { status, headers: { "content-type": "application/json" } });
}

/** Resolves org/name, whose requests that match get this answer, and demands one line within some seconds. */
async function meets(
  { hub, options }: HubTest,
  { match, answer, stallMs = STALL_MS }: { match: RegExp; answer: (url: string) => Response; stallMs?: number },
  message: RegExp,
): Promise<void> {
  hub.faults.length = 0;
  hub.faults.push({ match, times: Infinity, answer });
  const [start, before] = [performance.now(), Deno.memoryUsage().rss];
  await refuses(resolveModel("org/name", { ...options, stallMs }), message);
  ok(performance.now() - start < 20_000, String(message));
  ok(Deno.memoryUsage().rss - before < 400 << 20, String(message));
}

const REVISION = /^GET \/api\/models\/org\/name\/revision/;
const TREE = /^GET \/api\/models\/org\/name\/tree/;

Deno.test("a body has a deadline and a size, whatever its status", () =>
  withHub(async (test) => {
    test.hub.add("model", "org/name", MODEL);
    const late = /^Cannot use org\/name: its answer does not end within 0\.4 s$/;
    const unreached =
      /^Cannot use org\/name: there is no local path of this name, and the hub cannot be reached \(its answer does not end within 0\.4 s\)$/;
    await meets(test, { match: REVISION, answer: () => endless(" ", { everyMs: 20 }) }, unreached);
    await meets(test, { match: TREE, answer: () => endless(" ", { everyMs: 20 }) }, late);
    await meets(test, { match: REVISION, answer: () => endless(" ", { everyMs: 20, status: 404 }) }, unreached);
    const large = /^Cannot use org\/name: its answer has more than 16,777,216 bytes$/;
    const hurry = (): Response => endless(new Uint8Array(1 << 22).fill(32), { everyMs: 1 });
    await meets(test, { match: REVISION, answer: hurry, stallMs: 30_000 }, large);
    const bomb = new Uint8Array(gzipSync(new Uint8Array(100 << 20).fill(32)));
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    await meets(test, { match: REVISION, answer: () => new Response(bomb, { headers }), stallMs: 30_000 }, large);
  }));

Deno.test("what comes packed though nobody asked for it is unpacked", () =>
  withHub(async ({ hub, options }) => {
    hub.add("model", "org/name", MODEL);
    const packed = new Uint8Array(gzipSync(MODEL["model.safetensors"] as Uint8Array));
    const answer = (): Response => new Response(packed, { headers: { "content-encoding": "gzip" } });
    hub.faults.push({ match: /^GET \/[0-9a-f]{64}$/, times: 1, answer });
    const { paths: [dir] } = await resolveModel("org/name", options);
    deepEqual(await Deno.readFile(`${dir}/model.safetensors`), MODEL["model.safetensors"]);
    equal(hub.faults.length, 0);
  }));

Deno.test("a listing ends, however many pages or files it says it has", () =>
  withHub(async (test) => {
    test.hub.add("model", "org/name", MODEL);
    const next = (url: string): Record<string, string> => ({ link: `<${url}>; rel="next"` });
    await meets(
      test,
      { match: TREE, answer: (url) => json([], { headers: next(url) }) },
      /^Cannot use org\/name: http:\S+ lists more than 1000 pages of the repository$/,
    );
    const file = { type: "file", path: "a", size: 1, oid: "0".repeat(40) };
    const page = JSON.stringify(Array.from({ length: 2000 }, () => file));
    await meets(
      test,
      {
        match: TREE,
        answer: (url) => new Response(page, { headers: { "content-type": "application/json", ...next(url) } }),
      },
      /^Cannot use org\/name: http:\S+ lists more than 200,000 files of the repository$/,
    );
  }));

Deno.test("a card or an index that is too large to be read is named, and not downloaded", () =>
  withHub(async ({ hub, options }) => {
    const large = " ".repeat((1 << 24) + 1);
    const size = "has 16777217 bytes, expected at most 16777216$";
    hub.add("dataset", "org/data", { "README.md": large, "train.jsonl": '{"prompt": "a", "response": "b"}\n' });
    await refuses(resolveDataset("org/data", options), new RegExp(`^Cannot use org/data: README\\.md ${size}`));
    const { "model.safetensors": _, ...rest } = MODEL;
    hub.add("model", "org/name", { ...rest, "model.safetensors.index.json": large });
    await refuses(
      resolveModel("org/name", options),
      new RegExp(`^Cannot use org/name: model\\.safetensors\\.index\\.json ${size}`),
    );
    equal(hub.seen(/resolve/).length, 0);
  }));

Deno.test("redirects lead to http and https alone, and from https to nothing less", () =>
  withHub(async (test) => {
    test.hub.add("model", "org/name", MODEL);
    for (const location of ["file:///etc/hostname", "data:application/json,{}", "blob:null/1", "ftp://a/b"]) {
      const answer = (): Response => new Response(null, { status: 302, headers: { location } });
      const kind = location.split(":")[0];
      await meets(
        test,
        { match: REVISION, answer },
        new RegExp(`^Cannot use org/name: 127\\.0\\.0\\.1:\\d+ redirects to an address of the kind ${kind}:, expected`),
      );
    }
    const about = { action: "Cannot use a/b", repo: { type: "model", repo: "a/b", revision: "main" } } as const;
    const to = (from: string, location: string): string => redirectTarget(new URL(from), { location, about }).href;
    equal(to("https://a/x", "/y"), "https://a/y");
    equal(to("https://a/x", "https://b/y"), "https://b/y");
    equal(to("http://a/x", "https://b/y"), "https://b/y");
    throws(() => to("https://a/x", "http://a/x"), {
      name: "UserError",
      message: "Cannot use a/b: a redirects to an address of the kind http:, expected https:",
    });
    throws(() => to("https://a/x", "http://["), /redirects to what is no address, expected http: or https:$/);
  }));

Deno.test("a file of which less comes than is listed is not fetched for ever", () =>
  withHub(async (test) => {
    test.hub.add("model", "org/name", MODEL);
    // It ignores ranges, and always sends the same beginning.
    const store = /^GET \/[0-9a-f]{64}$/;
    const part = new Uint8Array(bytesOf(50_000).subarray(0, 20_000));
    await meets(
      test,
      { match: store, answer: () => new Response(part) },
      /^Cannot use org\/name: (the connection broke off after \d+ of 50000 bytes|the server's ranges of .* are wrong)$/,
    );
    ok(test.hub.seen(store).length <= 12, String(test.hub.seen(store).length));
    await meets(
      test,
      { match: store, answer: () => endless("x", { everyMs: 20 }) },
      /^Cannot use org\/name: the server does not answer$/,
    );
  }));
