/** Requests against a real server that fails in every way. */
import assert from "node:assert/strict";
import { Server, ServerError, type ServerOptions } from "../../../core/server/openai_client.ts";
import { apiError, type OpenAiServerOptions, startOpenAiServer } from "../../_shared/openai_server.ts";

const KEY = "sk-test-0123456789abcdef";
const BODY = { model: "m", messages: [{ role: "user", content: "hello" }] };

/** Asks a server that does this, and returns what came of it, with the requests that the server saw and the time. */
async function ask(
  behaviour: OpenAiServerOptions,
  options: Partial<ServerOptions> = {},
  signal: AbortSignal = new AbortController().signal,
) {
  const notes: string[] = [];
  await using server = startOpenAiServer({ chat: () => "hi", ...behaviour });
  const client = await Server.open({
    url: server.url,
    apiKey: null,
    timeout: 5,
    maxRetries: 2,
    firstPause: 5,
    onRetry: (line) => notes.push(line),
    ...options,
  });
  const start = performance.now();
  // deno-lint-ignore no-explicit-any -- what a server answers
  const answer: any = await client.post("/chat/completions", BODY, { signal }).catch((error) => error);
  return { answer, notes, asked: server.asked, seconds: (performance.now() - start) / 1000, url: server.url };
}

function failed(answer: unknown, message: RegExp, status: number | null): void {
  assert(answer instanceof ServerError, String(answer));
  assert.match(answer.message, message);
  assert.equal(answer.status, status);
}

Deno.test("Server.post() sends the body and the key, and returns the answer", async () => {
  const { answer, asked } = await ask({ apiKey: KEY }, { apiKey: KEY });
  assert.equal(answer.choices[0].message.content, "hi");
  assert.deepEqual(asked, [{ path: "/chat/completions", authorization: `Bearer ${KEY}`, body: BODY }]);
});

Deno.test("Server.post() sends no Authorization without a key", async () => {
  const { asked } = await ask({});
  assert.equal(asked[0]!.authorization, null);
});

Deno.test("Server.post() repeats 429, 500 and a cut connection, and tells of it", async () => {
  const troubles = [apiError(500, "oops"), "cut" as const, undefined];
  const { answer, asked, notes } = await ask({ trouble: (n) => troubles[n] });
  assert.equal(answer.choices[0].message.content, "hi");
  assert.equal(asked.length, 3);
  assert.match(notes[0]!, /^http:\S+ answers 500: oops; again in 0\.0 s$/);
  assert.equal(notes.length, 2);
});

Deno.test("Server.post() waits as long as Retry-After says, in seconds and as a date", async () => {
  const seconds = await ask({ trouble: (n) => n === 0 ? apiError(429, "slow", { "retry-after": "0.4" }) : undefined });
  assert(seconds.seconds >= 0.4 && seconds.seconds < 15, String(seconds.seconds));
  assert.match(seconds.notes[0]!, / answers 429: slow; again in 0\.4 s$/);
  const date = (n: number) =>
    n === 0 ? apiError(503, "later", { "retry-after": new Date(Date.now() + 1500).toUTCString() }) : undefined;
  const dated = await ask({ trouble: date });
  assert(dated.seconds > 0.3 && dated.seconds < 15, String(dated.seconds));
});

Deno.test("Server.post() does not wait for an hour", async () => {
  const { answer, asked } = await ask({ trouble: () => apiError(429, "quota", { "retry-after": "3600" }) });
  failed(answer, /answers 429: quota$/, 429);
  assert.equal(asked.length, 1);
});

Deno.test("Server.post() gives up after max_retries, and on what no repetition mends at once", async () => {
  const down = await ask({ trouble: () => apiError(503, "down") });
  failed(down.answer, /^http:\S+ answers 503: down$/, 503);
  assert.equal(down.asked.length, 3);
  for (const status of [400, 404, 422, 501]) {
    const { answer, asked } = await ask({ trouble: () => apiError(status, "no\nway") });
    failed(answer, new RegExp(`answers ${status}: .*no way`), status);
    assert.equal(asked.length, 1);
  }
});

Deno.test("Server.post() gives up on a hang, before and within the body, and repeats it", async () => {
  const { answer, asked } = await ask({ trouble: () => "hang" }, { timeout: 0.2, maxRetries: 1 });
  failed(answer, /gives no answer within 0\.2 s$/, null);
  assert.equal(asked.length, 2);
  const slow = (): Response => new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array([123])) }));
  const body = await ask({ trouble: (n) => n === 0 ? slow() : undefined }, { timeout: 0.3 });
  assert.equal(body.answer.choices?.[0].message.content, "hi", String(body.answer));
});

/** A body that never ends; a piece comes every so many milliseconds. */
function endless(piece: string, milliseconds: number): Response {
  let timer: ReturnType<typeof setInterval>;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(() => controller.enqueue(new TextEncoder().encode(piece)), milliseconds);
    },
    cancel: () => clearInterval(timer),
  });
  return new Response(body, { headers: { "content-type": "application/json" } });
}

Deno.test("Server.post() bounds an answer in size and in time, whatever trickles", async () => {
  const large = await ask({ trouble: () => endless(" ".repeat(1000), 1) }, { maxBytes: 10_000, maxRetries: 0 });
  failed(large.answer, /^http:\S+ gives an answer of more than 10,000 bytes$/, null);
  const slow = await ask({ trouble: () => endless(" ", 20) }, { timeout: 0.3, maxRetries: 0 });
  failed(slow.answer, /^http:\S+ gives no answer within 0\.3 s$/, null);
  assert(slow.seconds < 15, String(slow.seconds));
  const error = new Response(`{"error": {"message": "${"x".repeat(20_000)}"}}`, {
    status: 400,
    headers: { "content-type": "application/json" },
  });
  const long = await ask({ trouble: () => error }, { maxBytes: 10_000, maxRetries: 0 });
  failed(long.answer, /^http:\S+ gives an answer of more than 10,000 bytes$/, null);
});

Deno.test("Server.post() masks the key in what a server says, also where all is well", async () => {
  const { answer } = await ask({ apiKey: KEY, chat: () => `you sent ${KEY}` }, { apiKey: KEY });
  assert.equal(answer.choices[0].message.content, "you sent (key)");
});

Deno.test("Server.post() follows no redirect, and shows no secret of where it leads", async () => {
  const told = /answers 30\d: it redirects to (.*), expected an address that answers itself$/;
  for (
    const [status, location, where] of [
      [307, "/v1/other?signature=secret", /^http:\/\/127\.0\.0\.1:\d+\/v1\/other$/],
      [308, "http://me:secret@example.com/x", /^http:\/\/example\.com\/x$/],
      [302, "file:///etc/passwd", /^no http$/],
      [303, "data:application/json,{}", /^no http$/],
      [301, "http://[", /^nowhere$/],
    ] as const
  ) {
    const { answer, asked } = await ask({ trouble: () => new Response(null, { status, headers: { location } }) });
    failed(answer, told, status);
    assert.match(told.exec((answer as Error).message)![1]!, where);
    assert.equal(asked.length, 1);
  }
});

Deno.test("Server.post() names a cut connection, a broken body and a server that is not there", async () => {
  failed((await ask({ trouble: () => "cut" }, { maxRetries: 0 })).answer, /cannot be reached: /, null);
  const broken = new Response("{broken", { headers: { "content-type": "application/json" } });
  failed((await ask({ trouble: () => broken }, { maxRetries: 0 })).answer, /^http:\S+ answers what is no JSON$/, null);
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${free.addr.port}/v1`;
  free.close();
  failed((await ask({}, { url, maxRetries: 0 })).answer, /^http:\S+ cannot be reached: .*Connection refused$/, null);
});

Deno.test("Server.post() never shows the key", async () => {
  const wrong = await ask({ apiKey: "another" }, { apiKey: KEY });
  failed(wrong.answer, /^http:\S+ answers 401: it does not accept the API key$/, 401);
  const none = await ask({ apiKey: "another" });
  failed(none.answer, /answers 401: it wants an API key; name its variable by api_key_env, or its file by/, 401);
  for (const status of [400, 500]) {
    const echo = await ask({ trouble: () => apiError(status, `bad Bearer ${KEY} here`) }, {
      apiKey: KEY,
      maxRetries: 1,
    });
    failed(echo.answer, /bad Bearer \(key\) here$/, status);
    assert(!JSON.stringify([echo.notes, String(echo.answer), (echo.answer as Error).stack]).includes(KEY));
  }
});

Deno.test("Server.post() stops waiting to repeat when it is told to stop", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 100);
  const trouble = () => apiError(429, "slow", { "retry-after": "30" });
  const { answer, seconds } = await ask({ trouble }, {}, controller.signal);
  failed(answer, /answers 429/, 429);
  assert(seconds < 20, String(seconds));
});

Deno.test("Server.models() lists what is offered, or says that there is no list", async () => {
  await using server = startOpenAiServer({ models: [{ id: "a", root: "/models/a" }, { id: "b" }] });
  await using bare = startOpenAiServer({ models: null });
  const { signal } = new AbortController();
  const open = (url: string) => Server.open({ url: url + "/", apiKey: null, timeout: 5, maxRetries: 0 });
  assert.deepEqual(await (await open(server.url)).models(signal), [{ id: "a", root: "/models/a" }, {
    id: "b",
    root: null,
  }]);
  assert.equal(await (await open(bare.url)).models(signal), null);
});
