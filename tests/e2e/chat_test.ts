/** `dnpo chat` through pipes: answers alone on standard output. */
import { deepEqual, equal, match } from "node:assert/strict";
import { denoArgs, dnpo, type Ended, withFolder } from "../_shared/dnpo.ts";
import { hasTerminal, inTerminal } from "../_shared/terminal.ts";
import { readRows } from "../../core/data/read_rows.ts";
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
    /^6 tokens, first after \d+ ms, [\d.]+ tokens\/s; prompt of 11 tokens, 11 of them computed\n5 tokens, [^\n]*\n$/,
  );
});

Deno.test("chat remembers a conversation in a pipe, obeys commands there, and stops at /exit", () =>
  withFolder(async (dir) => {
    await writeTinyModel(dir, { config: { vocab_size: 364, max_position_embeddings: 512 } });
    await writeTokenizer(dir, { config: { chat_template: CHATML } });
    const args = ["--model", dir, "--max-new-tokens", "5", "--stats", "--system", "b"];
    const { code, out, err } = await chat(args, "ab\nab\n/reset\nab\n/system ba\nab\n/help\n/exit\nab\n");
    const prompts = [...err.matchAll(/prompt of (\d+) tokens, (\d+) of them computed/g)].map((
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
  match(err, /^1 token, first after \d+ ms; prompt of 11 tokens, 11 of them computed\n$/);
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

Deno.test("chat changes settings, saves, and compares within a pipe", () =>
  withFolder(async (dir) => {
    const lines = [
      "/temperature",
      "/temperature 9",
      "/seed 4",
      "sort cab>",
      "/seed 4",
      "sort cab>",
      "/max 2",
      "sort cab>",
      "//sort cab>",
      `/save ${dir}/said.jsonl`,
      `/save ${dir}/said.txt`,
      `/compare ${QUICKSTART}`,
      "/temperature 0",
      "/max 30",
      "flip edbga>",
      `/save ${dir}/said.txt`,
    ];
    const { code, out, err } = await chat([QUICKSTART], lines.map((line) => `${line}\n`).join(""));
    deepEqual([code, err], [0, "temperature: 0\n"]);
    const [first, again, cut, slash, a, b] = out.split("\n");
    equal(first, again, "the same seed, the same answer");
    deepEqual([first!.length > 2, cut!.length], [true, 2], out);
    deepEqual([a, b], ["A: agbde", "B: agbde"]);
    const rows = (await Deno.readTextFile(`${dir}/said.jsonl`)).trimEnd().split("\n").map((row) => JSON.parse(row));
    deepEqual(rows.at(-1), { model: QUICKSTART, prompt: "/sort cab>", response: slash });
    const { rows: read } = await readRows(`${dir}/said.jsonl`);
    deepEqual([rows.length, read.length], [4, 4]);
    equal(
      await Deno.readTextFile(`${dir}/said.txt`),
      `You: flip edbga>\n\n${QUICKSTART}: agbde\n\n${QUICKSTART}: agbde\n`,
    );
  }));

for (
  const [name, line, error] of [
    [
      "a command that there is not",
      "/tempratur 1",
      "Cannot carry out /tempratur: there is no such command, expected /temperature; a prompt that begins with /tempratur is typed //tempratur",
    ],
    ["a setting out of its bounds", "/top-p 3", "/top-p: expected a number ≤ 1, got 3"],
    ["to save nothing", "/save out.jsonl", "Cannot save the conversation to out.jsonl: nothing was said yet"],
    [
      "no model to compare with",
      "/compare",
      "Cannot compare: no model is named, expected /compare MODEL, a folder, a run's, or org/name",
    ],
  ] as const
) {
  Deno.test(`chat in a pipe refuses ${name}`, async () => {
    deepEqual(await chat([QUICKSTART], `${line}\nsort cab>\n`), { code: 1, out: "", err: `error: ${error}\n` });
  });
}

Deno.test("chat and score name one model, as an argument or by --model", async () => {
  for (const command of ["chat", "score"]) {
    const pairs = command === "score" ? ["--pairs", "p.jsonl"] : [];
    deepEqual(
      (await dnpo([command, ...pairs])).err,
      `error: Cannot ${command}: no model is named, expected dnpo ${command} MODEL\n`,
    );
    deepEqual(
      (await dnpo([command, "a", "--model", "b", ...pairs])).err,
      `error: Cannot ${command}: two models are named, a and b, expected dnpo ${command} MODEL\n`,
    );
  }
});

Deno.test({
  name: "chat in a terminal shows what is typed during an answer at the next prompts, and not before",
  ignore: !await hasTerminal(),
  fn: () =>
    withFolder(async (dir) => {
      await writeTinyModel(dir, { config: { vocab_size: 364, max_position_embeddings: 4000, eos_token_id: null } });
      await writeTokenizer(dir);
      const args = ["chat", dir, "--max-new-tokens", "600", "--temperature", "0"];
      const { code, shown } = await inTerminal(args, [
        ["lists the commands.", "/nosuch\r"],
        ["typed //nosuch", "hello\r"],
        // The answer has begun: two lines and a half come at once.
        ["hello\n", "/temperature\r/max 2\rmo"],
        ["(cut after 600 tokens)", ""],
        ["max: 2", ""],
        ["mo", "re\r"],
        ["(cut after 2 tokens)", "/exit\r"],
      ], { columns: 200 });
      equal(code, 0, shown);
      const [, answer = "", rest = ""] = /> hello\n([^]*)\n\(cut after 600 tokens\)\n([^]*)$/.exec(shown) ?? [];
      equal(answer.length > 300, true, shown);
      equal(/\/temperature|\/max|more/.test(answer), false, answer);
      match(
        rest,
        /^> \/temperature\ntemperature: 0\n> \/max 2\nmax: 2\n> mo(re)?[^]*\n\(cut after 2 tokens\)\n> \/exit\n$/,
      );
    }),
});
