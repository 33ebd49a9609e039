import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { lockFolder } from "../../../core/run/run_lock.ts";
import { inTime, SilentFolder } from "../../../core/watch/in_time.ts";
import { startWatch } from "../../../core/watch/watch_server.ts";
import { WatchedRuns } from "../../../core/watch/watched_runs.ts";
import { withFolder } from "../_tiny.ts";
import { lines, TRIAL, withRun } from "../_run_folders.ts";

const INTERVAL = 50;

/** The state and text of an answer to a request as it stands, since fetch() sets some headers itself. */
async function raw(address: string, head: string): Promise<{ status: number; head: string; text: string }> {
  const { port, hostname } = new URL(address);
  using connection = await Deno.connect({ port: Number(port), hostname });
  await connection.write(new TextEncoder().encode(head.replaceAll("\n", "\r\n")));
  const answer = await new Response(connection.readable).text();
  const [headers, ...rest] = answer.split("\r\n\r\n");
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(headers!)![1]),
    head: headers!.toLowerCase(),
    text: rest.join("\r\n\r\n"),
  };
}

const get = (path: string, host: string, more = ""): string =>
  `GET ${path} HTTP/1.1\nHost: ${host}\nConnection: close\n${more}\n`;

/** The changed parts that a page's events bring, one object after the other. */
async function* eventsOf(address: string, signal: AbortSignal): AsyncGenerator<Record<string, string>> {
  const { body } = await fetch(`${address}events`, { signal });
  let text = "";
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const event = text.slice(0, end);
      text = text.slice(end + 2);
      if (event.startsWith("data: ")) yield JSON.parse(event.slice(6));
    }
  }
}

Deno.test("startWatch() serves a run's page to who knows the token, and nothing to others", () =>
  withRun(TRIAL, async (dir) => {
    await using server = await startWatch({ dir, interval: INTERVAL });
    match(server.address, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/$/);
    const { origin, host, pathname } = new URL(server.address);
    const response = await fetch(server.address);
    const page = await response.text();
    match(page, /<h1>trial <span/);
    const policy = response.headers.get("content-security-policy")!;
    match(
      policy,
      /^default-src 'none'; style-src 'sha256-[^' ]+'; script-src 'sha256-[^' ]+'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    deepEqual(
      ["x-content-type-options", "cache-control", "referrer-policy"].map((name) => response.headers.get(name)),
      [
        "nosniff",
        "no-store",
        "same-origin",
      ],
    );
    // The hash is that of the script as it stands in the page, which closes no tag by itself.
    const [, script] = /<script>([^]*?)<\/script>/.exec(page)!;
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
    ok(policy.includes(new Uint8Array(digest).toBase64()));
    for (
      const path of [
        "/",
        "/events",
        `/${"0".repeat(32)}/`,
        `${pathname.slice(0, -2)}/`,
        `${pathname}none`,
        `${pathname}run/trial/`,
      ]
    ) {
      const { status, text } = await raw(server.address, get(path, host));
      deepEqual([status, /trial/.test(text)], [404, false], path);
    }
    // A name of elsewhere that was made to lead here.
    equal((await raw(server.address, get(pathname, "evil.example"))).status, 404);
    equal((await raw(server.address, get(pathname, `localhost:${new URL(origin).port}`))).status, 200);
    const put = await fetch(server.address, { method: "PUT" });
    deepEqual([put.status, put.headers.get("allow")], [405, "GET"]);
    await put.body?.cancel();
  }));

Deno.test("startWatch() brings what changes in the files as it changes", () =>
  withRun({ "metrics.jsonl": lines({ iteration: 0, step: 1, loss: 3 }) }, async (dir) => {
    await using server = await startWatch({ dir, interval: INTERVAL });
    const gone = new AbortController();
    const events = eventsOf(server.address, gone.signal);
    const { value: first } = await events.next();
    ok(first!.figures!.includes("Model loss") && first!.log === "");
    await Deno.writeTextFile(`${dir}/metrics.jsonl`, lines({ iteration: 0, step: 2, loss: 2 }) + '{"it', {
      append: true,
    });
    await Deno.writeTextFile(`${dir}/log.jsonl`, lines({ at: "2026-01-01T00:00:00Z", note: "<b>new</b>" }));
    const changed: Record<string, string> = {};
    for await (const part of events) {
      Object.assign(changed, part);
      if (changed.figures && changed.log) break;
    }
    ok(changed.figures!.includes("from 3 to 2"), changed.figures);
    ok(changed.log!.includes("&lt;b&gt;new&lt;/b&gt;"));
    ok(!("settings" in changed));
    gone.abort();
  }));

Deno.test("startWatch() asks a run at work to stop, and only for its own page", () =>
  withRun(TRIAL, async (dir) => {
    await using server = await startWatch({ dir, interval: INTERVAL });
    const { origin, host, pathname } = new URL(server.address);
    const isAsked = (): Promise<boolean> => Deno.stat(`${dir}/.stop`).then(() => true, () => false);
    const stop = (origin: string, more = "") =>
      raw(
        server.address,
        `POST ${pathname}stop HTTP/1.1\nHost: ${host}\nConnection: close\nContent-Length: 0\n${origin}${more}\n`,
      );
    equal((await stop(`Origin: ${origin}\n`)).status, 303);
    equal(await isAsked(), false, "nothing runs");
    using _lock = await lockFolder(dir);
    for (
      const [from, more] of [["", ""], ["Origin: null\n", ""], ["Origin: http://evil.example\n", ""], [
        `Origin: ${origin}\n`,
        "Sec-Fetch-Site: cross-site\n",
      ]]
    ) {
      equal((await stop(from!, more)).status, 403, from);
    }
    equal((await raw(server.address, get(`${pathname}stop`, host))).status, 405);
    equal(await isAsked(), false);
    const page = await (await fetch(server.address)).text();
    match(page, /<form method="post" action="stop">/);
    const done = await stop(`Origin: ${origin}\n`, "Sec-Fetch-Site: same-origin\n");
    deepEqual([done.status, /location: \.\//.test(done.head)], [303, true]);
    equal(await isAsked(), true);
  }));

Deno.test("startWatch() of a folder of runs lists them and lays their curves over one another", () =>
  withFolder(async (dir) => {
    const names = ["first", "a b&<i>", "third"];
    for (const [i, name] of names.entries()) {
      await Deno.mkdir(`${dir}/${name}`);
      for (const [file, text] of Object.entries(TRIAL)) await Deno.writeTextFile(`${dir}/${name}/${file}`, text);
      for (const file of Object.keys(TRIAL)) await Deno.utime(`${dir}/${name}/${file}`, 1e9 + i, 1e9 + i);
    }
    await Deno.mkdir(`${dir}/no run`);
    await Deno.mkdir(`${dir}/broken`);
    await Deno.writeTextFile(`${dir}/broken/metrics.jsonl`, "1\n");
    await using server = await startWatch({ dir, interval: INTERVAL });
    const page = await (await fetch(server.address)).text();
    deepEqual([...page.matchAll(/<th scope="row"><a href="([^"]*)">([^<]*)</g)].map(([, href, name]) => [href, name]), [
      ["run/broken/", "broken"],
      ["run/third/", "third"],
      ["run/a%20b%26%3Ci%3E/", "a b&amp;&lt;i&gt;"],
      ["run/first/", "first"],
    ]);
    match(page, /broken<\/a><\/th><td colspan="6">Cannot read .*metrics\.jsonl:1/);
    match(
      page,
      /aria-label="Right answers, greedy, by iteration\. third: from 50\.0 % to 75\.0 %[^"]*a b&amp;&lt;i&gt;: from/,
    );
    const chosen = await (await fetch(`${server.address}?run=first&run=none`)).text();
    ok(chosen.includes("by iteration. first: from") && !chosen.includes("third: from"));
    const one = await fetch(`${server.address}run/a%20b%26%3Ci%3E/`);
    match(await one.text(), /<h1>a b&amp;&lt;i&gt; <span/);
    equal(
      (await raw(
        server.address,
        get(`${new URL(server.address).pathname}run/..%2f..%2fetc/`, new URL(server.address).host),
      )).status,
      404,
    );
  }));

Deno.test("startWatch() ends with pages open, and refuses a taken port and a missing folder", () =>
  withRun(TRIAL, async (dir) => {
    const server = await startWatch({ dir, interval: INTERVAL });
    const port = Number(new URL(server.address).port);
    await rejects(startWatch({ dir, port }), {
      name: "UserError",
      message: `Cannot watch on port ${port}: another program uses it, expected a free one or no --port`,
    });
    await rejects(startWatch({ dir: `${dir}/none` }), {
      message: `Cannot watch ${dir}/none: there is no such folder, expected a run's or one of runs`,
    });
    const pages = await Promise.all(Array.from({ length: 40 }, () => fetch(`${server.address}events`)));
    deepEqual([
      pages.filter(({ status }) => status === 200).length,
      pages.filter(({ status }) => status === 503).length,
    ], [32, 8]);
    const texts = Promise.all(pages.map((page) => page.text()));
    const started = performance.now();
    await server[Symbol.asyncDispose]();
    equal((await texts).filter((text) => text.startsWith("retry: ")).length, 32);
    ok(performance.now() - started < 20_000);
  }));

Deno.test("startWatch() shows what could not be read, and goes on", () =>
  withRun(TRIAL, async (dir) => {
    // A folder in the place of a file stands for a mounted folder that fails while it is read.
    await Deno.mkdir(`${dir}/pairs.jsonl`);
    await using server = await startWatch({ dir, interval: INTERVAL });
    const page = await fetch(server.address);
    equal(page.status, 200);
    match(await page.text(), /<p class="card bad">Cannot read [^<]*\/pairs\.jsonl: /);
    const ended = new AbortController();
    for await (const { problem } of eventsOf(server.address, ended.signal)) {
      if (problem !== undefined && problem !== "") await Deno.remove(`${dir}/pairs.jsonl`);
      else break;
    }
    ended.abort();
  }));

Deno.test("startWatch() ends though a browser takes nothing of what it is sent", () =>
  withRun(TRIAL, async (dir) => {
    const server = await startWatch({ dir, interval: 1 });
    const { port, pathname, host } = new URL(server.address);
    const asleep = await Deno.connect({ port: Number(port), hostname: "127.0.0.1" });
    await asleep.write(new TextEncoder().encode(get(`${pathname}events`, host).replaceAll("\n", "\r\n")));
    // Each line changes a page's log of a megabyte, of which the system takes a few for a reader.
    for (let i = 0; i < 30; i++) {
      const note = lines({ at: "2026-01-01T00:00:00Z", note: `${i} ${"x".repeat(1e6)}` });
      await Deno.writeTextFile(`${dir}/log.jsonl`, note, { append: true });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const started = performance.now();
    await server[Symbol.asyncDispose]();
    const seconds = (performance.now() - started) / 1000;
    asleep.close();
    ok(seconds < 10, `${seconds} s`);
  }));

Deno.test("startWatch() gives the place of a page that was closed to another", () =>
  withRun(TRIAL, async (dir) => {
    await using server = await startWatch({ dir, interval: INTERVAL });
    for (let i = 0; i < 40; i++) {
      const closed = new AbortController();
      const page = await fetch(`${server.address}events`, { signal: closed.signal });
      equal(page.status, 200, `page ${i}`);
      const reader = page.body!.getReader();
      await reader.read();
      closed.abort();
      await reader.read().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }));

Deno.test("startWatch() does not wait for a folder that never answers, neither for a page nor for a stop", () =>
  withRun(TRIAL, async (dir) => {
    await using server = await startWatch({ dir, interval: INTERVAL, deadline: 1000 });
    const { origin } = new URL(server.address);
    const asked = async (): Promise<[number, string]> => {
      const answer = await fetch(`${server.address}stop`, { method: "POST", headers: { origin }, redirect: "manual" });
      return [answer.status, await answer.text()];
    };
    const silent = [503, "The folder has not answered for some seconds; try again later.\n"];
    // A disk of a machine out of reach cannot be had here.
    for (const name of ["read", "find"] as const) {
      using _stuck = stuck(name);
      deepEqual(await asked(), silent, name);
    }
    {
      using _stuck = stuck("find");
      const page = await fetch(server.address);
      deepEqual([page.status, await page.text()], silent);
    }
    equal((await asked())[0], 303);
  }));

/** Lets a look at the folder never end. */
function stuck(name: "find" | "read"): Disposable {
  const before = WatchedRuns.prototype[name];
  WatchedRuns.prototype[name] = () => new Promise<never>(() => {});
  return { [Symbol.dispose]: () => Object.assign(WatchedRuns.prototype, { [name]: before }) };
}

Deno.test("inTime() gives what comes in time, and throws where nothing comes", async () => {
  equal(await inTime(Promise.resolve(3), 1000), 3);
  await rejects(inTime(Promise.reject(new TypeError("no")), 1000), TypeError);
  await rejects(inTime(new Promise(() => {}), 20), SilentFolder);
});
