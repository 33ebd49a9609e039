import { equal, match, ok } from "node:assert/strict";
import { verifierJudge } from "../../../core/label/verifier_judge.ts";
import { withFolder } from "../_tiny.ts";
import { responseRow } from "./_rows.ts";

/** How a module of this text ends that may take 64 MiB more: its error, or its scores. */
function endOf(text: string): Promise<string> {
  return withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/verifier.ts`, text);
    try {
      using judge = await verifierJudge(`${dir}/verifier.ts`, { seconds: 60, megabytes: 64 });
      return JSON.stringify(await judge.score([responseRow(3)], () => {}));
    } catch (error) {
      return String(error);
    }
  });
}

// First, as a thread that was ended takes memory for some 2 s more.
Deno.test("verifierJudge() lets a verifier take less", async () => {
  const text = `export default () => {
    let sum = 0;
    for (let i = 0; i < 10; i++) sum += new Uint8Array(1 << 20).fill(1).length;
    return sum;
  };`;
  const end = await endOf(text);
  ok(end.startsWith("[{"), end);
  equal(JSON.parse(end)[0].human, 10 << 20);
});

const growing = (start: string, step: string): string => `export default () => { ${start}; for (;;) ${step}; };`;

for (
  const [what, text] of [
    ["an array of objects", growing("const a = []", "a.push({ a: [1, 2, 3] })")],
    ["texts", growing("const a = []", "a.push('é'.repeat(1000) + a.length)")],
    ["a map", growing("const a = new Map()", "a.set(a.size, [a.size])")],
    ["bytes", growing("const a = []", "a.push(new Uint8Array(1 << 20).fill(1))")],
    ["one large array of bytes", "export default () => new Uint8Array(4 * 2 ** 30).fill(1).length;"],
    [
      "WebAssembly's memory",
      growing(
        "const m = new WebAssembly.Memory({ initial: 1 })",
        "(m.grow(64), new Uint8Array(m.buffer).fill(1))",
      ),
    ],
  ] as const
) {
  Deno.test(`verifierJudge() ends a verifier that takes too much memory: ${what}`, async () => {
    match(
      await endOf(text),
      /^UserError: Cannot score row 3 with \S+verifier\.ts: it takes more than 64 MiB of memory, expected at most labels\.verifier_memory$/,
    );
  });
}

Deno.test("verifierJudge() ends a module that takes too much memory to load", async () => {
  match(
    await endOf("const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));"),
    /^UserError: Cannot load verifier \S+verifier\.ts: it takes more than 64 MiB of memory/,
  );
});
