import assert from "node:assert/strict";
import { retryAfter } from "../../../core/server/retry_pause.ts";

Deno.test.each<[Record<string, string>, number | undefined]>([
  [{}, undefined],
  [{ "retry-after": "2" }, 2000],
  [{ "retry-after": "1.5" }, 1500],
  [{ "retry-after": "Thu, 01 Jan 1970 00:01:10 GMT" }, 10_000],
  [{ "retry-after": "Thu, 01 Jan 1970 00:00:10 GMT" }, 0],
  [{ "retry-after": "soon" }, undefined],
  [{ "retry-after": "-1" }, undefined],
  [{ "retry-after": "" }, undefined],
  [{ "retry-after-ms": "250", "retry-after": "9" }, 250],
])("retryAfter(%j) is %j", (headers, expected) => {
  assert.equal(retryAfter(new Headers(headers), 60_000), expected);
});
