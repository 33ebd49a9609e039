import { deepEqual, equal, match, rejects } from "node:assert/strict";
import type { VerifierPermissions } from "../../../core/config/config_types.ts";
import { verifierJudge, type VerifierLimit } from "../../../core/label/verifier_judge.ts";
import { withFolder } from "../_tiny.ts";
import { responseRow } from "./_rows.ts";

/** What the module at `verifier.ts` of these files scores a row's human answer, in a folder that is then removed. */
function scoreOf(
  files: Record<string, string>,
  limit: (dir: string) => Partial<VerifierLimit> = () => ({}),
): Promise<number> {
  return withFolder(async (dir) => {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${dir}/${name}`, text);
    using judge = await verifierJudge(`${dir}/verifier.ts`, { seconds: 30, ...limit(dir) });
    const [scores] = await judge.score([responseRow(3)], () => {});
    return scores!.human!;
  });
}

/** A module that scores 1 where `expression` can be had, and throws otherwise. */
const trying = (expression: string): string => `export default async () => { await ${expression}; return 1; };`;
const FORBIDDEN =
  /^UserError: Cannot score row 3 with \S+verifier\.ts: Requires (read|write|net|env|sys|run|ffi|import)/;

for (
  const [what, expression] of [
    ["read", "Deno.readTextFile(import.meta.dirname + '/helper.ts')"],
    ["read by Node's functions", '(await import("node:fs")).readFileSync(import.meta.dirname + "/helper.ts")'],
    ["list a folder", "Array.fromAsync(Deno.readDir('.'))"],
    ["write", "Deno.writeTextFile(import.meta.dirname + '/out', '')"],
    ["use the network", "fetch('http://127.0.0.1:9199')"],
    ["open a connection", "Deno.connect({ port: 9199 })"],
    ["run a program", "new Deno.Command(Deno.execPath()).output()"],
    ["load a library", "Deno.dlopen('lib.so', {})"],
    ["import what its text does not name", "import(import.meta.dirname + '/helper' + '.ts')"],
    ["import from the network", "import('ht' + 'tp://127.0.0.1:9199/a.ts')"],
    ["read by an import that its text names", "import('/etc/passwd', { with: { type: 'text' } })"],
    ["see in the error of an import", "import('/etc/passwd')"],
    ["read by fetch()", "fetch('file:///etc/passwd')"],
    ["import a text made for it", 'import(\'data:text/javascript,import "file:///etc/passwd" with { type: "text" }\')'],
    ["load a native module", "(await import('node:module')).createRequire(import.meta.url)('/tmp/a.node')"],
    [
      "start a thread with permissions",
      "new Worker('data:,', { type: 'module', deno: { permissions: 'none' } }) && " +
      "new Worker('data:,', { type: 'module', deno: { permissions: { read: true } } })",
    ],
  ] as const
) {
  Deno.test(`verifierJudge() lets no verifier ${what}`, async () => {
    await rejects(scoreOf({ "verifier.ts": trying(expression), "helper.ts": "export {};" }), (error) => {
      match(String(error), /^UserError: Cannot score row 3 with \S+verifier\.ts: /);
      if (!/Node's|with permissions/.test(what) && !FORBIDDEN.test(String(error))) throw error;
      return true;
    });
  });
}

Deno.test("verifierJudge() lets no thread of a verifier do more than the verifier", async () => {
  const thread = "data:text/javascript,postMessage((await Deno.permissions.query({name:'read'})).state)";
  const text = `export default () => new Promise((done) => {
    const worker = new Worker("${thread}", { type: "module" });
    worker.onmessage = ({ data }) => done(data === "granted" ? 1 : 0);
  });`;
  equal(await scoreOf({ "verifier.ts": text }), 0);
});

Deno.test("verifierJudge() gives what is granted, and nothing beside it", async () => {
  const table = "Deno.readTextFileSync(import.meta.dirname + '/table.txt').length";
  const files = (body: string) => ({ "verifier.ts": `export default () => ${body};`, "table.txt": "1234" });
  const permissions = (dir: string) => ({ permissions: { read: [`${dir}/table.txt`] } });
  equal(await scoreOf(files(table), permissions), 4);
  await rejects(scoreOf(files("Deno.readTextFileSync(import.meta.dirname + '/.env').length"), permissions), FORBIDDEN);
});

Deno.test("verifierJudge() shows a verifier the variables that are granted", async () => {
  const before = Deno.env.get("DNPO_CACHE");
  Deno.env.set("DNPO_CACHE", "four");
  try {
    for (
      const value of [
        "Deno.env.get('DNPO_CACHE')",
        "Deno.env.toObject().DNPO_CACHE",
        "process.env.DNPO_CACHE",
      ]
    ) {
      // With --ignore-env a variable that may not be seen is absent, without it asking for it throws.
      const text = `import process from "node:process";
        export default () => { try { return (${value} ?? "").length; } catch { return process.pid * 0; } };`;
      equal(await scoreOf({ "verifier.ts": text }), 0);
      if (value.includes("toObject")) continue;
      equal(await scoreOf({ "verifier.ts": text }, () => ({ permissions: { env: ["DNPO_CACHE"] } })), 4);
    }
  } finally {
    if (before === undefined) Deno.env.delete("DNPO_CACHE");
    else Deno.env.set("DNPO_CACHE", before);
  }
});

Deno.test("verifierJudge() lets a verifier connect where it may", async () => {
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => new Response("abc"));
  const { port } = server.addr;
  const text = `export default async () => (await (await fetch("http://127.0.0.1:${port}")).text()).length;`;
  equal(await scoreOf({ "verifier.ts": text }, () => ({ permissions: { net: [`127.0.0.1:${port}`] } })), 3);
  const other = { permissions: { net: [`127.0.0.1:${port === 1024 ? 1025 : port - 1}`] } };
  await rejects(scoreOf({ "verifier.ts": text }, () => other), FORBIDDEN);
});

Deno.test("verifierJudge() loads what a verifier imports by its text", async () => {
  const text = `import { length } from "./helper.ts";
    import table from "./table.json" with { type: "json" };
    import { join } from "node:path";
    export default async () => length(table.word) + join("a", "b").length + (await import("./later.ts")).one;`;
  const helper = "export const length = (text: string): number => text.length;";
  const files = { "helper.ts": helper, "table.json": '{"word": "four"}', "later.ts": "export const one: number = 1;" };
  equal(await scoreOf({ "verifier.ts": text, ...files }), 8);
});

Deno.test("verifierJudge() imports for a verifier no file of another folder, nor by a link, nor what is no module", async () => {
  await withFolder(async (outside) => {
    await Deno.writeTextFile(`${outside}/secret.json`, '"secret"');
    const text = (name: string) =>
      `import secret from ${JSON.stringify(name)} with { type: "text" };
      export default () => secret.length;`;
    const cases: [string, Record<string, string>][] = [
      [`${outside}/secret.json`, {}],
      ["./helper.ts", { "helper.ts": text(`${outside}/secret.json`) }],
      ["./.env", { ".env": "TOKEN=a" }],
      ["./link.json", {}],
    ];
    for (const [name, files] of cases) {
      await withFolder(async (dir) => {
        await Deno.writeTextFile(`${dir}/verifier.ts`, text(name));
        for (const [file, text] of Object.entries(files)) await Deno.writeTextFile(`${dir}/${file}`, text);
        await Deno.symlink(`${outside}/secret.json`, `${dir}/link.json`);
        const judging = async (limit: Partial<VerifierLimit> = {}) => {
          using judge = await verifierJudge(`${dir}/verifier.ts`, { seconds: 30, ...limit });
          return (await judge.score([responseRow(3)], () => {}))[0]!.human;
        };
        // A module as text is a text, which holds no secret.
        if (name === "./helper.ts") return equal(await judging(), text(`${outside}/secret.json`).length);
        await rejects(
          judging(),
          /^UserError: Cannot load verifier \S+: Requires read access to "[^"]+", expected a grant in labels\.verifier_permissions\.read$/,
        );
        equal(await judging({ permissions: { read: [dir, outside] } }), name === "./.env" ? 7 : 8);
      });
    }
  });
});

Deno.test("verifierJudge() runs a verifier whose path has spaces, quotes, signs of addresses and other letters", async () => {
  await withFolder(async (dir) => {
    const folder = `${dir}/a b#c%20d\u00fc'q"\\z?`;
    await Deno.mkdir(`${folder}/\u00e9 %41`, { recursive: true });
    await Deno.writeTextFile(`${folder}/\u00e9 %41/h#.ts`, 'export { two } from "../two.ts";');
    await Deno.writeTextFile(`${folder}/two.ts`, "export const two: number = 2;");
    await Deno.writeTextFile(
      `${folder}/v 1#%.ts`,
      'import { two } from "./\u00e9 %2541/h%23.ts"; export default () => two;',
    );
    using judge = await verifierJudge(`${folder}/v 1#%.ts`, { seconds: 30 });
    deepEqual(await judge.score([responseRow(3)], () => {}), [{ human: 2, generated: 2 }]);
  });
});

Deno.test("verifierJudge() takes nothing but finite numbers, whatever a module does to its thread", async () => {
  const cases: [string, RegExp | number][] = [
    ["Number.isFinite = () => true; export default () => NaN;", /its thread sends something else than an answer$/],
    [
      "const send = MessagePort.prototype.postMessage; export default () => 1;" +
      "MessagePort.prototype.postMessage = function () { send.call(this, null); };",
      /something else than an answer$/,
    ],
    [
      "const send = MessagePort.prototype.postMessage; export default () => 1;" +
      "MessagePort.prototype.postMessage = function (m) { send.call(this, { ...m, failed: 3 }); };",
      /than an answer$/,
    ],
    ["Object.assign(Object.prototype, { to: 1, failed: 'load', why: 'w', ready: true }); export default () => 3;", 3],
    ["export default () => { for (let i = 0; i < 100; i++) postMessage('x'.repeat(1 << 20)); return 4; };", 4],
    [
      "export default () => { throw new Error('y\u001b[2J\u202e'.repeat(1e6)); };",
      /: y \[2J [^\p{Cc}\u202e]{1,200}…$/u,
    ],
  ];
  for (const [text, says] of cases) {
    const score = scoreOf({ "verifier.ts": text });
    if (typeof says === "number") equal(await score, says);
    else await rejects(score, says);
  }
});

Deno.test("verifierJudge() names a grant that the process itself has not", async () => {
  const cases: [VerifierPermissions, RegExp][] = [
    [{ read: [""] }, /with labels\.verifier_permissions: Empty path/],
    [{ net: ["example.com"] }, /verifier_permissions\.net grants "example\.com", which this process may not use/],
    [{ env: ["HF_TOKEN"] }, /verifier_permissions\.env grants "HF_TOKEN", which this process may not use/],
    [{ net: ["http://["] }, /verifier_permissions\.net grants "http:\/\/\[": /],
  ];
  for (const [permissions, says] of cases) {
    await rejects(scoreOf({ "verifier.ts": "export default () => 1;" }, () => ({ permissions })), says);
  }
});

/** How a program that uses a verifier ends; without deno.json, Deno has no flags but these. */
async function hosted(flags: string[]): Promise<{ code: number; err: string; ran: boolean }> {
  return await withFolder(async (dir) => {
    await Deno.writeTextFile(
      `${dir}/verifier.ts`,
      `Deno.writeTextFileSync(${JSON.stringify(`${dir}/ran`)}, "");
      export default () => 1;`,
    );
    const judge = new URL("../../../core/label/verifier_judge.ts", import.meta.url).href;
    await Deno.writeTextFile(
      `${dir}/host.ts`,
      `import { loadVerifier } from ${JSON.stringify(judge)};
      await loadVerifier(${JSON.stringify(`${dir}/verifier.ts`)}, { seconds: 30 });`,
    );
    const map = new URL("../../../deno.json", import.meta.url).pathname;
    const args = ["run", "--no-check", "--no-config", `--import-map=${map}`, "-A", ...flags, `${dir}/host.ts`];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).output();
    const ran = await Deno.stat(`${dir}/ran`).then(() => true, () => false);
    return { code, err: new TextDecoder().decode(stderr), ran };
  });
}

Deno.test("verifierJudge() runs no verifier in a program that cannot confine it", async () => {
  const { code, err, ran } = await hosted([]);
  deepEqual({ code, ran }, { code: 70, ran: false });
  match(err, /--unstable-worker-options/);
  const confined = await hosted(["--unstable-worker-options"]);
  deepEqual({ code: confined.code, ran: confined.ran }, { code: 1, ran: false });
  match(confined.err, /Cannot load verifier \S+verifier\.ts: Requires write access to/);
});
