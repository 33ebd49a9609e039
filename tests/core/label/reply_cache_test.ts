import assert from "node:assert/strict";
import { type ChangedReply, type Reply, ReplyCache, requestKey } from "../../../core/label/reply_cache.ts";
import { withFolder } from "../_tiny.ts";

const reply = (content: string | null): Reply => ({
  content,
  finish_reason: "stop",
  prompt_tokens: 5,
  completion_tokens: 2,
});

Deno.test("ReplyCache keeps replies in the file at once, and reads them again", () =>
  withFolder(async (dir) => {
    const path = `${dir}/replies.jsonl`;
    {
      using cache = await ReplyCache.open(path);
      assert.equal(cache.get("a"), undefined);
      await Promise.all(["a", "b", "c"].map((key) => cache.put(key, reply(key))));
      assert.equal((await Deno.readTextFile(path)).split("\n").length, 4);
    }
    using cache = await ReplyCache.open(path);
    assert.deepEqual(cache.get("b"), reply("b"));
    await cache.put("d", reply(null));
    assert.deepEqual((await ReplyCache.read(path)).get("d"), reply(null));
  }));

Deno.test("ReplyCache drops a torn last line and lines that are none, and keeps the others", () =>
  withFolder(async (dir) => {
    const path = `${dir}/replies.jsonl`;
    const whole = JSON.stringify({ key: "a", ...reply("x") }) + "\n";
    await Deno.writeTextFile(path, whole + "rubbish\n" + '{"key":1}\n' + whole.slice(0, 30));
    assert.deepEqual((await ReplyCache.read(path)).get("a"), reply("x"));
    assert.notEqual(await Deno.readTextFile(path), whole);
    using cache = await ReplyCache.open(path);
    await cache.put("b", reply("y"));
    const [, line, end] = (await Deno.readTextFile(path)).slice(whole.length - 1).split("\n");
    const { sha256, ...added } = JSON.parse(line!);
    assert.deepEqual(added, { key: "b", ...reply("y") });
    assert.match(sha256, /^[0-9a-f]{64}$/);
    assert.equal(end, "");
  }));

Deno.test("ReplyCache keeps a reply that was changed, and tells of the first", () =>
  withFolder(async (dir) => {
    const path = `${dir}/replies.jsonl`;
    {
      using cache = await ReplyCache.open(path);
      for (const [key, text] of [["a", "8"], ["b", "3"], ["c", "5"]] as const) await cache.put(key, reply(text));
    }
    const told = async (): Promise<ChangedReply[]> => {
      const changes: ChangedReply[] = [];
      (await ReplyCache.open(path, { onChanged: (change) => Promise.resolve(void changes.push(change)) }))
        [Symbol.dispose]();
      return changes;
    };
    assert.deepEqual(await told(), []);
    const text = await Deno.readTextFile(path);
    for (
      const [from, to] of [['"content":"3"', '"content":"9"'], ['"key":"b"', '"key":"d"'], [
        /(?<=b.*),"sha256":"\w+"/,
        "",
      ]] as const
    ) {
      const changed = text.replace(from, to);
      assert.notEqual(changed, text);
      await Deno.writeTextFile(path, changed);
      const [change, ...others] = await told();
      assert.deepEqual(others, []);
      assert.equal(change!.line, 2);
      assert.equal(change!.was === null, to === "");
      assert.equal(await Deno.readTextFile(path), changed);
    }
    assert.equal((await ReplyCache.read(path)).get("b")!.content, "3");
  }));

Deno.test("requestKey() differs with the address and with every part of the body", async () => {
  const body = { model: "m", temperature: 0, messages: [{ content: "a" }] };
  const keys = await Promise.all([
    requestKey("http://a", body),
    requestKey("http://b", body),
    requestKey("http://a", { ...body, temperature: 1 }),
    requestKey("http://a", { ...body, messages: [{ content: "b" }] }),
  ]);
  assert.equal(new Set(keys).size, 4);
  assert.equal(keys[0], await requestKey("http://a", structuredClone(body)));
});
