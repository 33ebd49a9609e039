/** `dnpo chat` through pipes: answers alone on standard output. */
import { deepEqual, equal, match } from "node:assert/strict";
import { denoArgs, type Ended, withFolder } from "../_shared/dnpo.ts";
import { writeTinyModel } from "../_shared/tiny_model.ts";
import { CHATML, writeTokenizer } from "../core/data/_fixtures.ts";

const QUICKSTART = "examples/quickstart/model";

function start(args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: denoArgs(["chat", ...args]),
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function chat(args: readonly string[], input: string): Promise<Ended> {
  const child = start(args);
  const writer = child.stdin.getWriter();
  // A process that refuses its arguments reads nothing.
  await writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("chat answers a pipe line by line, with nothing but answers on standard output", async () => {
  const { code, out, err } = await chat(["--model", QUICKSTART, "--stats"], "flip edbga>\n\nsort bbfb>\n");
  deepEqual([code, out], [0, "agbde\nbbbf\n"]);
  match(
    err,
    /^6 tokens, first after \d+ ms, [\d.]+ tokens\/s; prompt of 11 tokens, 11 of them run\n5 tokens, [^\n]*\n$/,
  );
});

Deno.test("chat remembers a conversation in a pipe, obeys commands there, and stops at /exit", () =>
  withFolder(async (dir) => {
    await writeTinyModel(dir, { config: { vocab_size: 364, max_position_embeddings: 512 } });
    await writeTokenizer(dir, { config: { chat_template: CHATML } });
    const args = ["--model", dir, "--max-new-tokens", "5", "--stats", "--system", "b"];
    const { code, out, err } = await chat(args, "ab\nab\n/reset\nab\n/system ba\nab\n/help\n/exit\nab\n");
    const prompts = [...err.matchAll(/prompt of (\d+) tokens, (\d+) of them run/g)].map((
      [, all, run],
    ) => [+all!, +run!]);
    deepEqual([code, prompts.length], [0, 4]);
    const [first, second, third] = prompts as [number, number][] as [
      [number, number],
      [number, number],
      [number, number],
    ];
    equal(second[0] > first[0], true);
    equal(third[0], first[0]);
    equal(second[1] < second[0], true, "what the turns begin with in common is not run again");
    match(err, /^\/reset +forget the conversation$/m);
    equal(out.split("\n").length >= 5, true);
  }));

Deno.test("chat speaks of one token in the singular", async () => {
  const { err } = await chat(["--model", QUICKSTART, "--stats", "--max-new-tokens", "1"], "flip edbga>\n");
  match(err, /^1 token, first after \d+ ms; prompt of 11 tokens, 11 of them run\n$/);
});

Deno.test("chat takes one prompt from the command line, or all of standard input as one", async () => {
  const { out } = await chat(["--model", QUICKSTART, "--prompt", "sort bbfb>"], "");
  equal(out, "bbbf\n");
  // The newline is no character of this vocabulary.
  const whole = await chat(["--model", QUICKSTART, "--whole", "--max-new-tokens", "3"], "sort bbfb>\n");
  deepEqual([whole.code, whole.out], [0, "bbb\n"]);
});

Deno.test("chat stops at SIGINT with what it has said", () =>
  withFolder(async (dir) => {
    await writeTinyModel(dir, { config: { vocab_size: 364, max_position_embeddings: 30_000, eos_token_id: null } });
    await writeTokenizer(dir);
    const args = ["--model", dir, "--max-new-tokens", "25000", "--max-length", "30000", "--temperature", "1"];
    const child = start([...args, "--prompt", "hello"]);
    await child.stdin.close();
    const reader = child.stdout.getReader();
    equal((await reader.read()).done, false);
    child.kill("SIGINT");
    while (!(await reader.read()).done);
    const err = await new Response(child.stderr).text();
    equal((await child.status).code, 130);
    match(err, /^\(stopped after \d+ tokens?\)\n$/);
  }));

for (
  const [name, args, error] of [
    [
      "a flag out of its bounds",
      ["--model", QUICKSTART, "--top-p", "3"],
      /^error: --top-p: expected a number ≤ 1, got 3\n$/,
    ],
    [
      "a type of the cache that there is not",
      ["--model", QUICKSTART, "--kv-cache-dtype", "fp8"],
      /^error: --kv-cache-dtype: expected "float32", "float16" or "bfloat16", got "fp8"\n$/,
    ],
    [
      "no model",
      ["--model", "tests/e2e"],
      /^error: Cannot open a model in tests\/e2e: there is no config.json, expected/,
    ],
  ] as const
) {
  Deno.test(`chat refuses ${name} in one line`, async () => {
    const { code, out, err } = await chat(args, "hello\n");
    match(err, error);
    match(err, /^[^\n]+\n$/);
    deepEqual([code, out], [1, ""]);
  });
}
