import { equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withFolder } from "../_tiny.ts";

/**
 * How a module of this text ends that may take 64 MiB more: its error, or its scores. It runs in a process of its own,
 * since Deno does not stop a thread that is in a loop: its memory grows until the process ends.
 */
function endOf(text: string): Promise<string> {
  return withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/verifier.ts`, text);
    const script = fileURLToPath(new URL("./_scored.ts", import.meta.url));
    const args = ["run", "--no-check", "--quiet", "-A", script, `${dir}/verifier.ts`];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  });
}

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
      /^UserError: Cannot score row 3 with \S+verifier\.ts: it takes more than 64 MiB of memory, expected at most labels\.verifier_memory\n$/,
    );
  });
}

Deno.test("verifierJudge() ends a module that takes too much memory to load", async () => {
  match(
    await endOf("const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));"),
    /^UserError: Cannot load verifier \S+verifier\.ts: it takes more than 64 MiB of memory/,
  );
});
