import assert from "node:assert/strict";
import { readApiKey } from "../../../core/server/api_key.ts";
import { withFile } from "../data/_fixtures.ts";

const LOCAL = "http://127.0.0.1:8000/v1";
const OPENAI = "https://api.openai.com/v1";

Deno.test("readApiKey() takes a file, and asks a server of one's own without a key", async () => {
  assert.equal(await withFile("key", "sk-abc\n", (path) => readApiKey({ api_key_file: path }, LOCAL)), "sk-abc");
  assert.equal(await readApiKey({}, LOCAL), null);
});

Deno.test("readApiKey() says which file is wrong, without what it holds", async () => {
  const key = (text: string) => withFile("key", text, (path) => readApiKey({ api_key_file: path }, LOCAL));
  await assert.rejects(key(" \n"), /^UserError: Cannot read the API key in \S+: the file is empty$/);
  await assert.rejects(key("sk-abc\nsk-def"), (error: Error) => {
    assert.match(error.message, /^Cannot use the API key in \S+: it has spaces, line breaks or other characters/);
    assert(!error.message.includes("sk-"));
    return true;
  });
  await assert.rejects(readApiKey({ api_key_file: "/nowhere/key" }, LOCAL), /\/nowhere\/key: there is no such file$/);
});

Deno.test("readApiKey() wants OpenAI's variable for OpenAI, and the one that is named for any server", async () => {
  const unreadable =
    /^UserError: Cannot ask \S+: the environment variable \w+ is not among those that dnpo may read; put the key into a file/;
  // The tests may not read keys.
  await assert.rejects(readApiKey({}, OPENAI), unreadable);
  await assert.rejects(readApiKey({ api_key_env: "MY_KEY" }, LOCAL), /variable MY_KEY is not among/);
});
