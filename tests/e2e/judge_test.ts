/** `dnpo label` with a judge behind a server, as a process: what is asked, what is kept, and where the key never goes. */
import { deepEqual, equal, match } from "node:assert/strict";
import { encodeResponse } from "../../core/data/stage_files.ts";
import { dnpo, startDnpo, succeeded, withFolder, withoutWarnings, writeConfig } from "../_shared/dnpo.ts";
import { type OpenAiServerOptions, startOpenAiServer } from "../_shared/openai_server.ts";

const KEY = "sk-test-never-to-be-seen";
const ROWS = 12;

/** Replies of a server that scores by length. */
function score(question: string): string {
  const response = question.split("[BEGIN RESPONSE]\n")[1]!.split("\n[END RESPONSE]")[0]!;
  return `{"score": ${Math.min(10, response.length)}}`;
}

/** Runs `use` with the arguments that label responses in DIR/run by a server that does this. */
async function withLabel(
  options: OpenAiServerOptions,
  use: (label: { dir: string; args: string[]; server: ReturnType<typeof startOpenAiServer> }) => Promise<void>,
): Promise<void> {
  await withFolder(async (dir) => {
    await Deno.mkdir(`${dir}/run/iteration-0`, { recursive: true });
    const rows = Array.from({ length: ROWS }, (_, row) =>
      encodeResponse({
        row,
        prompt: `Say ${row}`,
        promptIds: [1, row + 3],
        response: "h".repeat(1 + row % 4),
        responseIds: [4, 2],
        generated: "g".repeat(1 + row % 3),
        generatedIds: [5, 5, 2],
        finished: true,
      }));
    await Deno.writeTextFile(`${dir}/run/iteration-0/responses.jsonl`, rows.join(""));
    await using server = startOpenAiServer({ chat: score, ...options });
    const labels = { judge: "llm", base_url: server.url, server_model: "m", concurrency: 2, output_price: 1 };
    const args = ["label", await writeConfig({ output_dir: `${dir}/run`, labels })];
    await use({ dir, args, server });
  });
}

/** Everything in a folder's files. */
async function contents(dir: string): Promise<string> {
  let text = "";
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    text += isDirectory ? await contents(`${dir}/${name}`) : await Deno.readTextFile(`${dir}/${name}`);
  }
  return text;
}

const result = (dir: string): Promise<string[]> =>
  Promise.all(["metrics.jsonl", "iteration-0/pairs.jsonl"].map((name) => Deno.readTextFile(`${dir}/run/${name}`)));

Deno.test("label asks nothing in a dry run, needs no key for it, and prints what it would ask", () =>
  withLabel({}, async ({ dir, args, server }) => {
    const before = await contents(dir);
    const { code, out, err } = await dnpo([...args, "--dry-run", "--set", "labels.api_key_env=OPENAI_API_KEY"]);
    deepEqual([code, err, server.asked.length], [0, "", 0]);
    match(out, /responses\.jsonl: 12 rows, 12 with two different responses\n/);
    match(
      out,
      /Judge llm \(m at http:\S+\): 24 requests; [\d,]+ characters to send\n--- request 1 of 24 ---\nYou are an/,
    );
    match(out, /\[BEGIN PROMPT\]\nSay 0\n\[END PROMPT\]/);
    match(out, /Dry run: nothing was sent or written\n$/);
    equal(await contents(dir), before);
  }));

Deno.test("label sends the key of the environment, and writes it nowhere", () =>
  withLabel({ apiKey: KEY }, async ({ dir, args, server }) => {
    const named = [...args, "--set", "labels.api_key_env=DNPO_API_KEY"];
    const { code, out, err } = await dnpo(named, { DNPO_API_KEY: KEY });
    equal(code, 0, err);
    equal(server.asked.length, 24);
    match(out, /12 of 12 pairs scored, \d+ ties .*, 0 of 24 replies hold no verdict\nPairs: /);
    match(
      err,
      /Judge llm \(m at http:\S+\): 24 requests, 0 of them answered before; [\d,]+ tokens asked, [\d,]+ tokens answered, cost 0\.0\d+/,
    );
    equal((await contents(dir) + out + err).includes(KEY), false);
  }));

Deno.test("label says in one line which key is missing, wrong, or not to be read", () =>
  withLabel({ apiKey: KEY }, async ({ dir, args, server }) => {
    const fails = async (set: string[], env: Record<string, string>, error: RegExp): Promise<void> => {
      const { code, err } = await dnpo([...args, "--quiet", ...set.flatMap((item) => ["--set", item])], env);
      match(withoutWarnings(err), error);
      match(withoutWarnings(err), /^[^\n]+\n$/);
      equal(code, 1);
      equal((await contents(dir) + err).includes("sk-"), false);
    };
    // A server of one's own is not sent OpenAI's key unless the config says so.
    await fails(
      [],
      { OPENAI_API_KEY: KEY },
      /^error: Cannot label with judge llm: http:\S+ answers 401: it wants an API key/,
    );
    equal(server.asked[0]!.authorization, null);
    const other = ["labels.api_key_env=OPENAI_API_KEY"];
    await fails(other, { OPENAI_API_KEY: "sk-other" }, /answers 401: it does not accept the API key/);
    await fails(
      other,
      { OPENAI_API_KEY: "" },
      /^error: Cannot ask http:\S+: the environment variable OPENAI_API_KEY is not set/,
    );
    await fails(
      ["labels.api_key_env=MY_OWN_KEY"],
      { MY_OWN_KEY: KEY },
      /MY_OWN_KEY is not among those that dnpo may read; put/,
    );
    await fails(["labels.base_url=https://api.openai.com/v1"], { OPENAI_API_KEY: "" }, /OPENAI_API_KEY is not set/);
    await Deno.writeTextFile(`${dir}.key`, KEY);
    try {
      const { code, err } = await dnpo([...args, "--set", `labels.api_key_file=${dir}.key`]);
      equal(code, 0, err);
    } finally {
      await Deno.remove(`${dir}.key`);
    }
  }));

Deno.test("label that is killed goes on without a second request for what was answered, to the same bytes", () =>
  withLabel({ delay: 30 }, async ({ dir, args, server }) => {
    const child = startDnpo(args);
    const out = Promise.all([child.stdout.text(), child.stderr.text()]);
    const replies = `${dir}/run/judge_replies.jsonl`;
    const kept = async (): Promise<number> => (await Deno.readTextFile(replies).catch(() => "")).split("\n").length - 1;
    while (await kept() < 7) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGKILL");
    await child.status;
    await out;
    const answered = await kept();
    const asked = server.asked.length;
    equal(answered < 24, true);
    // As a kill in the middle of a write leaves it.
    await Deno.writeTextFile(replies, '{"key":"torn', { append: true });
    succeeded(args, await dnpo(args));
    equal(server.asked.length - asked, 24 - answered);
    const first = await result(dir);
    // A reply that is changed by hand is used, and told of.
    const text = await Deno.readTextFile(replies);
    await Deno.writeTextFile(replies, text.replace(/"prompt_tokens":\d+/, '"prompt_tokens":123'));
    const { err } = await dnpo([...args.filter((arg) => arg !== "--quiet"), "--force"]);
    match(
      err,
      /^\S+\/judge_replies\.jsonl:1 was changed since it was written \(.*\): the run goes on with it as it is/m,
    );
    equal(server.asked.length - asked, 24 - answered);
    await Deno.remove(replies);
    succeeded(args, await dnpo([...args, "--force", "--set", "labels.concurrency=9"]));
    deepEqual(await result(dir), first);
  }));

Deno.test("label that is stopped by Ctrl-C keeps the answers that are under way, and goes on", () =>
  withLabel({ delay: 30 }, async ({ args, server }) => {
    const child = startDnpo(args);
    const out = Promise.all([child.stdout.text(), child.stderr.text()]);
    while (server.asked.length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGINT");
    equal((await child.status).code, 130);
    match((await out)[1], /^Stopped\. What was done is saved in .*\/run, and the same command goes on from there\.$/m);
    equal(server.asked.length < 24, true);
    succeeded(args, await dnpo(args));
    equal(server.asked.length, 24);
  }));
