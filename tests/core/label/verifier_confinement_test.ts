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
    ["read", "Deno.readTextFile(import.meta.filename)"],
    ["read by Node's functions", '(await import("node:fs")).readFileSync(import.meta.filename)'],
    ["list a folder", "Array.fromAsync(Deno.readDir('.'))"],
    ["write", "Deno.writeTextFile(import.meta.dirname + '/out', '')"],
    ["use the network", "fetch('http://127.0.0.1:9199')"],
    ["open a connection", "Deno.connect({ port: 9199 })"],
    ["run a program", "new Deno.Command(Deno.execPath()).output()"],
    ["load a library", "Deno.dlopen('lib.so', {})"],
    ["import what its text does not name", "import(import.meta.dirname + '/helper' + '.ts')"],
    ["import from the network", "import('http://127.0.0.1:9199/' + 'a.ts')"],
  ] as const
) {
  Deno.test(`verifierJudge() lets no verifier ${what}`, async () => {
    await rejects(scoreOf({ "verifier.ts": trying(expression), "helper.ts": "export {};" }), (error) => {
      match(String(error), /^UserError: Cannot score row 3 with \S+verifier\.ts: /);
      if (!what.includes("Node's") && !FORBIDDEN.test(String(error))) throw error;
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
  await rejects(scoreOf(files("Deno.readTextFileSync(import.meta.filename).length"), permissions), FORBIDDEN);
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
