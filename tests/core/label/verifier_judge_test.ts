import { deepEqual, match, ok, rejects } from "node:assert/strict";
import { verifierJudge } from "../../../core/label/verifier_judge.ts";
import { withFolder } from "../_tiny.ts";
import { responseRow } from "./_rows.ts";

const LIMIT = { seconds: 30 };

/** The scores that a module of this text gives two rows, the second with a reference. */
function scored(text: string, done: number[] = []): ReturnType<Awaited<ReturnType<typeof verifierJudge>>["score"]> {
  return withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/verifier.ts`, text);
    const rows = [responseRow(3), responseRow(8, { reference: { answer: 42 } })];
    using judge = await verifierJudge(`${dir}/verifier.ts`, LIMIT);
    return await judge.score(rows, (count) => done.push(count));
  });
}

Deno.test("verifierJudge() scores both answers with the module's default export", async () => {
  const done: number[] = [];
  const text = `export default ({ prompt, response, reference }: Record<string, unknown>): Promise<number> =>
    Promise.resolve(String(prompt).length * 1000 + String(response).length + (reference?.answer ?? 0));`;
  deepEqual(await scored(text, done), [{ human: 8005, generated: 8009 }, { human: 8047, generated: 8051 }]);
  deepEqual(done, [1, 2]);
});

Deno.test("verifierJudge() names module and row of a score that is none, or of a throw", async () => {
  const text = (body: string): string =>
    `export default function ({ reference }) { if (reference) ${body}; return 0; }`;
  await rejects(
    scored(text("return NaN")),
    /^UserError: Cannot score row 8 with .*verifier.ts: it returned NaN, expected/,
  );
  await rejects(scored(text("return 'good'")), /it returned the text "good", expected a finite number$/);
  await rejects(
    scored(text("throw new Error('no\\nway')")),
    /^UserError: Cannot score row 8 with .*verifier.ts: no \(verifier.ts:1:\d+\)$/,
  );
  await rejects(scored(text("throw 7")), / row 8 with .*verifier.ts: .*7$/);
});

Deno.test("verifierJudge() names file, line and column of what a module or its helper throws", async () => {
  const files: Record<string, string> = {
    "verifier.ts": `interface Answer { response: string }
import { check } from "./lib/helper.ts";

export default ({ response }: Answer): number => check(response);`,
    "lib/helper.ts": `export function check(response: string): number {
  // A line that the compiler leaves out.
  const table: null | { length: number } = null;
  return table!.length + response.length;
}`,
  };
  await withFolder(async (dir) => {
    const write = async () => {
      await Deno.mkdir(`${dir}/lib`, { recursive: true });
      for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${dir}/${name}`, text);
      using judge = await verifierJudge(`${dir}/verifier.ts`, LIMIT);
      await judge.score([responseRow(3)], () => {});
    };
    await rejects(write, /row 3 with .*verifier.ts: .*reading 'length'\) \(lib\/helper\.ts:4:17\)$/);
    files["verifier.ts"] = "\n\nexport const n = undefined!.length;\nexport default () => n;";
    await rejects(write, /Cannot load verifier .*reading 'length'\) \(verifier\.ts:3:\d+\)$/);
    files["verifier.ts"] = "export default () => {\n  return 1 +;\n};";
    await rejects(write, /Cannot load verifier .*: SyntaxError: Expression expected \(verifier\.ts:2:\d+\)$/);
    // A module may make its stack any text, also of another folder's files.
    files["verifier.ts"] = `export default () => { const error = new Error("no");
      error.stack = "file:///etc/passwd:1:1 " + "file:/".repeat(1 << 20); throw error; };`;
    await rejects(write, /Cannot score row 3 with \S+: no$/);
  });
});

Deno.test("verifierJudge() takes true for 1 and false for 0", async () => {
  const text = "export default async ({ reference }) => reference === undefined;";
  deepEqual(await scored(text), await scored("export default ({ reference }) => reference === undefined ? 1 : 0;"));
});

Deno.test("verifierJudge() passes on what a module prints, a little of it, and nothing reaches the streams", async () => {
  const text = `import process from "node:process";
    console.log("loaded", { a: [1] });
    process.stdout.write("by node\\n");
    const log = console.log;
    export default () => {
      Deno.stdout.writeSync(new TextEncoder().encode("by bytes \\x1b[2J"));
      log("x".repeat(5000));
      console.error({ get a() { throw 1; }, [Symbol.for("Deno.customInspect")]() { throw new Error("no"); } });
      for (let i = 0; i < 1000; i++) console.warn("line", i);
      return 1;
    };`;
  await withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/verifier.ts`, text);
    const lines: string[] = [];
    using judge = await verifierJudge(`${dir}/verifier.ts`, LIMIT, (line) => lines.push(line));
    await judge.score([responseRow(3)], () => {});
    deepEqual(lines.slice(0, 2), ["verifier.ts prints: loaded { a: [ 1 ] }", "verifier.ts prints: by node"]);
    deepEqual(lines.slice(2, 5), [
      "verifier.ts prints: by bytes  [2J",
      `verifier.ts prints: ${"x".repeat(300)}`,
      "verifier.ts prints: (what cannot be shown)",
    ]);
    deepEqual([lines.length, lines.at(-1)], [20, "verifier.ts prints: (what it prints further is left out)"]);
  });
});

for (
  const [what, text, imported, line] of [
    ["a package", 'import a from "npm:left-pad@1";', "npm:left-pad@1", 2],
    ["a package of dnpo's own", 'import { z } from "zod";', "zod", 2],
    ["a package in several lines", 'export {\n  a,\n} from "jsr:@a/b";', "jsr:@a/b", 4],
    ["an address for its effects", "import 'https://a.example/b.ts'", "https://a.example/b.ts", 2],
    ["a package when it scores", 'const a = () => import("npm:left-pad");', "npm:left-pad", 2],
  ] as const
) {
  Deno.test(`verifierJudge() refuses by name a module that imports ${what}`, () =>
    rejects(
      scored(`// import a from "npm:b"; this line is a comment\n${text}\nexport default () => 1;`),
      (error: Error) => {
        const where = `"${imported}" is imported in verifier.ts, line ${line}, expected modules of its own folder`;
        match(error.message, /^Cannot load verifier \S+verifier\.ts: /);
        ok(error.message.includes(where), error.message);
        return true;
      },
    ));
}

Deno.test("verifierJudge() names a module that does not load or exports no function", async () => {
  await rejects(
    scored("export default 3;"),
    /^UserError: Cannot use verifier .*: its default export is number, expected/,
  );
  await rejects(scored("export const score = () => 1;"), /its default export is undefined/);
  await rejects(scored("export default ("), /^UserError: Cannot load verifier .*verifier.ts: /);
  await rejects(verifierJudge("away/nothing.ts", LIMIT), /^UserError: Cannot load verifier away\/nothing.ts: /);
});

/** Seconds that a module may take: a busy machine takes one of them to load it. */
const LIMIT_S = 4;

/** The first error of a module of this text that may take so many seconds, and the seconds until it. */
async function stopped(text: string, limit = LIMIT_S): Promise<{ message: string; seconds: number }> {
  return await withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/verifier.ts`, text);
    const started = performance.now();
    try {
      using judge = await verifierJudge(`${dir}/verifier.ts`, { seconds: limit });
      const scores = await judge.score([responseRow(3), responseRow(8)], () => {});
      return { message: JSON.stringify(scores), seconds: 0 };
    } catch (error) {
      return { message: String(error), seconds: (performance.now() - started) / 1000 };
    }
  });
}

for (
  const [what, text] of [
    ["a loop without end", "export default ({ response }) => { for (; response;); }"],
    ["a promise that stays open", "export default () => new Promise(() => {});"],
    ["a pattern that backtracks", "export default () => /^(a|a)*b/.test('a'.repeat(60)) ? 1 : 0;"],
  ] as const
) {
  Deno.test(`verifierJudge() ends a verifier that never returns, naming module and row: ${what}`, async () => {
    const { message, seconds } = await stopped(text);
    match(
      message,
      /^UserError: Cannot score row 3 with \S+\/verifier\.ts: it takes longer than 4 s, expected an answer within labels\.verifier_timeout$/,
    );
    ok(seconds < 40, `${seconds} s`);
  });
}

Deno.test("verifierJudge() ends a module that never loads", async () => {
  for (const text of ["for (;;);", "await new Promise(() => {}); export default () => 1;"]) {
    const { message } = await stopped(text);
    match(message, /^UserError: Cannot load verifier \S+\/verifier\.ts: it (takes longer than 4 s|.*)/);
  }
});

Deno.test("verifierJudge() names module and row where a verifier falls over beside its answer", async () => {
  const text = "export default () => new Promise(() => setTimeout(() => { throw new Error('late'); }));";
  const { message } = await stopped(text);
  match(message, /^UserError: Cannot score row 3 with \S+\/verifier\.ts: [^\n]*late/);
});

Deno.test("verifierJudge() gives a verifier no permission that the process lacks, and the time for every answer anew", async () => {
  const text = `let calls = 0;
    export default async () => {
      await new Promise((done) => setTimeout(done, 600));
      const state = await Deno.permissions.query({ name: "ffi" });
      return state.state === "granted" ? -1 : ++calls;
    };`;
  deepEqual(JSON.parse((await stopped(text)).message), [{ human: 1, generated: 2 }, { human: 3, generated: 4 }]);
});

Deno.test("verifierJudge() takes no number that is none, whatever a module makes of the thread", async () => {
  const answers: [string, RegExp][] = [
    ["Number.isFinite = () => true;", /row 3 with \S+: its thread sends something else than an answer$/],
    [
      "MessagePort.prototype.postMessage = new Proxy(MessagePort.prototype.postMessage, { apply: (send, port, [it]) => Reflect.apply(send, port, ['score' in it || 'failed' in it ? { score: '7', to: it.to } : it]) });",
      /something else than an answer$/,
    ],
    [
      "MessagePort.prototype.postMessage = new Proxy(MessagePort.prototype.postMessage, { apply: (send, port, [it]) => { Reflect.apply(send, port, [null]); Reflect.apply(send, port, [5]); Reflect.apply(send, port, ['ready' in it ? it : { failed: 'score', why: 'a\\nb\\x1b[2J', to: it.to }]); } });",
      /something else than an answer$/,
    ],
  ];
  for (const [text, message] of answers) await rejects(scored(`${text} export default () => NaN;`), message);
});

Deno.test("verifierJudge() takes a module's own messages for no answers", async () => {
  const text = `postMessage({ score: 7, to: 2 });
    onmessage = () => postMessage({ ready: true });
    export default ({ response }) => { postMessage({ score: 9, to: 2 }); postMessage(1); return response.length; };`;
  deepEqual(await scored(text), [{ human: 5, generated: 9 }, { human: 5, generated: 9 }]);
});
