import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { describeNetworkError } from "../../../core/hub/hub_errors.ts";
import { resolveModel } from "../../../core/hub/resolve_name.ts";
import { MODEL, refuses, withHub } from "./_hub.ts";

Deno.test("the token goes to the hub with every request, and to no other host", () =>
  withHub(async ({ hub, env, options }) => {
    hub.add("model", "org/name", MODEL, { isPrivate: true });
    hub.tokens.add("hf_secret");
    env.HF_TOKEN = "hf_secret";
    await resolveModel("org/name", options);
    const sent = (host: string) => new Set(hub.requests.filter((r) => r.host === host).map((r) => r.authorization));
    deepEqual([...sent("hub")], ["Bearer hf_secret"]);
    deepEqual([...sent("store")], [null]);
  }));

Deno.test("429 and 5xx are tried again, after as long as Retry-After says", () =>
  withHub(async ({ hub, options, notes }) => {
    hub.add("model", "org/name", MODEL);
    hub.faults.push({ match: /revision/, status: 429, headers: { "retry-after": "0.3" } });
    hub.faults.push({ match: /tree/, times: 2, status: 503 });
    hub.faults.push({ match: /config\.json/, status: 500 });
    hub.faults.push({ match: /GET \/[0-9a-f]{64}/, status: 403 });
    const start = performance.now();
    await resolveModel("org/name", options);
    ok(performance.now() - start >= 300);
    deepEqual(hub.faults, []);
    equal(hub.seen(/GET \/[0-9a-f]{64}/).length, 2);
    deepEqual(notes.length, 1);
  }));

Deno.test("who is asked to wait too long, or too often, is told so", () =>
  withHub(async ({ hub, options }) => {
    hub.add("model", "org/name", MODEL);
    hub.faults.push({ match: /revision/, status: 429, headers: { "retry-after": "4000" } });
    await refuses(resolveModel("org/name", options), /too many requests \(429\); it asks to wait 4000 s$/);
    hub.faults.push({ match: /revision/, times: 99, status: 503 });
    await refuses(resolveModel("org/name", options), /^Cannot use org\/name: 127\.0\.0\.1:\d+ answers 503$/);
    equal(hub.seen(/revision/).length, 6);
  }));

Deno.test("a wait ends where the work is stopped", () =>
  withHub(async ({ hub, options }) => {
    hub.add("model", "org/name", MODEL);
    hub.faults.push({ match: /revision/, times: 99, status: 429, headers: { "retry-after": "60" } });
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("stop")), 100);
    await rejects(resolveModel("org/name", { ...options, signal: stop.signal }), /^Error: stop$/);
  }));

Deno.test("what the hub refuses is said in one line that says what to do", () =>
  withHub(async ({ hub, env, options }) => {
    hub.add("model", "org/gated", MODEL, { gated: true });
    hub.add("model", "org/private", MODEL, { isPrivate: true });
    hub.add("model", "org/name", MODEL);
    hub.tokens.add("hf_good");
    const page = new RegExp(`the repository is gated; accept its terms at ${hub.url}/org/gated and set HF_TOKEN$`);
    await refuses(resolveModel("org/gated", options), page);
    await refuses(
      resolveModel("org/private", options),
      /^Cannot use org\/private: there is neither a local path of this name nor such a model on .* needs HF_TOKEN\)$/,
    );
    await refuses(resolveModel("org/name@v2", options), /\/org\/name has no revision "v2"$/);
    env.HF_TOKEN = "hf_good";
    await resolveModel("org/gated", options);
    await refuses(resolveModel("org/nothing", options), /\(the account of your HF_TOKEN may not see it\)$/);
    env.HF_TOKEN = "hf_secret";
    await refuses(resolveModel("org/name", options), /does not accept the token; check HF_TOKEN(?!.*secret)/);
  }));

Deno.test("without a connection the error says so, and shows no address with a signature", () =>
  withHub(async ({ hub, env, options }) => {
    env.HF_ENDPOINT = "http://127.0.0.1:1023";
    await refuses(
      resolveModel("org/name", options),
      /^Cannot use org\/name: there is no local path of this name, and the hub cannot be reached \([^()]*refused.*\)$/,
    );
    env.HF_ENDPOINT = hub.url;
    hub.add("model", "org/name", MODEL);
    hub.faults.push({
      match: /config\.json/,
      times: 99,
      status: 302,
      headers: { location: "http://127.0.0.1:1023/?signature=secret" },
    });
    await refuses(resolveModel("org/name", options), /^Cannot use org\/name: no connection \((?!.*secret)/);
  }));

Deno.test("something else in the hub's place is named", () =>
  withHub(async ({ hub, options }) => {
    hub.add("model", "org/name", MODEL);
    const elsewhere =
      /^Cannot use org\/name: http:\/\/127\.0\.0\.1:\d+ does not answer as a hub does; check HF_ENDPOINT$/;
    for (const match of [/revision/, /tree/]) {
      hub.faults.push({ match, status: 200 });
      await refuses(resolveModel("org/name", options), elsewhere);
    }
    hub.faults.push({ match: /tree/, corrupt: true });
    await refuses(resolveModel("org/name", options), elsewhere);
  }));

Deno.test("describeNetworkError() leaves addresses out, and what is no network's error alone", () => {
  const about = { action: "Cannot use org/name", repo: { type: "model", repo: "org/name", revision: "main" } } as const;
  const cause = new Error("error following redirect for url (https://store/?signature=secret)\n  at fetch");
  const failed = describeNetworkError(new TypeError("fetch failed", { cause }), about);
  equal(failed?.message, "Cannot use org/name: no connection (error following redirect)");
  equal(describeNetworkError(new RangeError("x"), about), null);
  equal(describeNetworkError(new TypeError("x is undefined"), about), null);
});
