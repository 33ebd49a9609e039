import assert from "node:assert/strict";
import { formatTable } from "../../cli/text_table.ts";
import { loadConfig } from "../../core/config/config.ts";
import { UserError } from "../../core/error.ts";
import { resolveDataset, resolveModel } from "../../core/hub/resolve_name.ts";
import { modelFolderOf } from "../../core/run/model_path.ts";
import { hasCredentials, maskCredentials, printable } from "../../core/safe_text.ts";

const WITH = ["https://me:hunter2@h/m", "HTTP://hunter2@h", "ftp://a:hunter2@h/x", "https://a:hun/hunter2@h"];

Deno.test("addresses with passwords are found and masked, others are kept", () => {
  for (const url of WITH) {
    assert.ok(hasCredentials(url), url);
    assert.ok(!maskCredentials(`x ${url} y`).includes("hunter2"), url);
  }
  for (const name of ["https://h:8000/a@b", "org/name@v1", "https://h/a", "me@h", "C:\\a@b", "org/name:c/train@v1"]) {
    assert.equal(maskCredentials(name), name);
  }
});

Deno.test("addresses are masked in linear time, and in runs of any length", () => {
  for (const part of ["a.", "http:", "http://:", "a b@", "x://a:b@"]) {
    const start = performance.now();
    maskCredentials(part.repeat(200_000) + "@x");
    assert.ok(performance.now() - start < 2000, part);
  }
  const long = `${"x".repeat(300)}https://me:hunter2@h/${"y".repeat(300)}`;
  assert.ok(hasCredentials(long) && !maskCredentials(long).includes("hunter2"));
  assert.equal(maskCredentials(`${"x".repeat(300)}@`), `${"x".repeat(300)}@`);
  assert.ok(hasCredentials("https://@h") && hasCredentials("https://(hidden)@h"));
});

Deno.test("a config with a password in a name is refused without it", async () => {
  const url = WITH[0]!;
  const sets = [`model=${url}`, `data.train=${url}`, `data.train=[a.jsonl, {path: "${url}"}]`, `data.eval=${url}`];
  for (const set of [...sets, `pairs=${url}`, `labels.model=${url}`, url]) {
    const failure = await loadConfig(undefined, { set: [set] }).then(() => null, (error: unknown) => error);
    assert.ok(failure instanceof UserError, set);
    assert.ok(!failure.message.includes("hunter2") && !failure.message.includes("\n"), failure.message);
  }
});

Deno.test("names of models and data with a password are refused without it", async () => {
  for (const url of WITH) {
    for (
      const call of [resolveModel, resolveDataset, (name: string) => modelFolderOf(name, () => Promise.resolve(""))]
    ) {
      await assert.rejects(
        call(url),
        (error: unknown) =>
          error instanceof UserError && error.message.startsWith("Cannot use an address") &&
          !error.message.includes("hunter2"),
      );
    }
  }
});

Deno.test("control and bidi characters reach neither a table nor an error", () => {
  const hostile = "a\x1b[2Jb\x9b31mc\u202ed\u2066e\rf";
  // deno-lint-ignore no-control-regex
  const unsafe = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;
  assert.doesNotMatch(printable(hostile), unsafe);
  assert.doesNotMatch(new UserError(hostile).message, unsafe);
  assert.doesNotMatch(formatTable([hostile], [[hostile]]), unsafe);
});
