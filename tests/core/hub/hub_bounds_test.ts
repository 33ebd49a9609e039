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
    const late = /^Cannot use org\/name: the server gives no answer that ends within 0\.4 s$/;
    const unreached =
      /^Cannot use org\/name: there is no local path of this name, and the hub cannot be reached \(the server gives no answer that ends within 0\.4 s\)$/;
    await meets(test, { match: REVISION, answer: () => endless(" ", { everyMs: 20 }) }, unreached);
    await meets(test, { match: TREE, answer: () => endless(" ", { everyMs: 20 }) }, late);
    await meets(test, { match: REVISION, answer: () => endless(" ", { everyMs: 20, status: 404 }) }, unreached);
    const large = /^Cannot use org\/name: the server gives an answer of more than 16,777,216 bytes$/;
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
    let pages = 0;
    const next = (url: string): Record<string, string> => ({ link: `<${url}&page=${pages++}>; rel="next"` });
    const same = (url: string): Response => json([], { headers: { link: `<${url}>; rel="next"` } });
    await meets(
      test,
      { match: TREE, answer: same },
      /^Cannot use org\/name: http:\S+ lists more than once the same page of/,
    );
    for (const link of ['<file:///etc/passwd>; rel="next"', "</x?page=2>; rel=next", 'rel="next"; <http://a/>']) {
      const answer = (): Response => json([], { headers: { link } });
      await meets(
        test,
        { match: TREE, answer },
        /^Cannot use org\/name: http:\S+ names no address of the list's next page$/,
      );
    }
    const slow = (url: string): Response => {
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await new Promise((done) => setTimeout(done, 60));
          controller.enqueue(new TextEncoder().encode("[]"));
          controller.close();
        },
      });
      return new Response(body, { headers: { "content-type": "application/json", ...next(url) } });
    };
    await meets(
      test,
      { match: TREE, answer: slow, stallMs: 50 },
      /^Cannot use org\/name: http:\S+ lists more than comes within 1 s of the repository$/,
    );
    await meets(
      test,
      { match: TREE, answer: (url) => json([], { headers: next(url) }), stallMs: 30_000 },
      /^Cannot use org\/name: http:\S+ lists more than 1000 pages of the repository$/,
    );
    const file = { type: "file", path: "a", size: 1, oid: "0".repeat(40) };
    const page = JSON.stringify(Array.from({ length: 2000 }, () => file));
    await meets(
      test,
      {
        match: TREE,
        stallMs: 30_000,
        answer: (url) => new Response(page, { headers: { "content-type": "application/json", ...next(url) } }),
      },
      /^Cannot use org\/name: http:\S+ lists more than 200,000 files of the repository$/,
    );
  }));

Deno.test("a wanted file whose entry cannot be right is named, and no other file is", () =>
  withHub(async (test) => {
    test.hub.add("model", "org/name", MODEL);
    const config = { type: "file", path: "config.json", size: 23, oid: "0".repeat(40) };
    const weights = { type: "file", path: "model.safetensors", size: 50_000, oid: "1".repeat(40) };
    const cases: [unknown[], RegExp][] = [
      [[{ ...config, oid: null }], /: the hub lists "config\.json" without a hash$/],
      [[{ ...config, oid: "../../../evil" }], /: the hub lists "config\.json" without a hash$/],
      [[{ ...config, size: -1 }], /: the hub lists "config\.json" with the size -1$/],
      [[{ ...config, size: "23" }], /: the hub lists "config\.json" with the size 23$/],
      [[{ ...config, size: null }], /: the hub lists "config\.json" with the size null$/],
      [[config, { ...config, size: 24 }], /: the hub lists "config\.json" twice, with different content$/],
    ];
    const other = { ...config, path: "x.bin", oid: null };
    for (const [entries, message] of cases) {
      await meets(test, { match: TREE, answer: () => json([...entries, weights, other]) }, message);
      equal(test.hub.seen(/resolve/).length, 0);
    }
  }));

Deno.test("a server's words are told in one short line without the token", () =>
  withHub(async (test) => {
    test.hub.add("model", "org/name", MODEL);
    test.env.HF_TOKEN = "hf_secret";
    test.hub.tokens.add("hf_secret");
    const headers = {
      "x-error-message": `no  hf_secret \u202e here ${"x".repeat(5000)}`.replace("\u202e", "http://me:pw@a/"),
    };
    const answer = (): Response => new Response(null, { status: 403, headers });
    await meets(
      test,
      { match: REVISION, answer },
      /^Cannot use org\/name: \S+ forbids it \(no \(token\) http:\/\/\(hidden\)@a\/ here x{50,200}\); see /,
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
    // It takes up where the last answer ended, with a byte each time.
    let at = 0;
    const byte = (): Response =>
      new Response(part.slice(at, ++at), {
        status: 206,
        headers: { "content-range": `bytes ${at - 1}-${at - 1}/50000` },
      });
    await Deno.remove(`${test.dir}/hf`, { recursive: true });
    await meets(
      test,
      { match: store, answer: byte },
      /^Cannot use org\/name: the connection broke off after \d of 50000 bytes$/,
    );
    ok(test.hub.seen(store).length <= 12, String(test.hub.seen(store).length));
    await meets(
      test,
      { match: store, answer: () => endless("x", { everyMs: 20 }) },
      /^Cannot use org\/name: the server does not answer$/,
    );
  }));
