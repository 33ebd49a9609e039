import { deepEqual, equal } from "node:assert/strict";
import { dirname, join } from "node:path";
import { checkPlatform } from "../../tools/check_platform.ts";

async function checkTree(files: Record<string, string>): Promise<string[]> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(join(root, path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    return await checkPlatform(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("checkPlatform() lets the rooms that may touch the platform", async () => {
  const files = {
    "core/files/io.ts": `import { x } from "node:path";\nawait Deno.stat("a");\n`,
    "core/hub/client.ts": `await fetch("http://a");\nDeno.env.get("A");\n`,
    "core/model/model.ts": `/** Never Deno.open. */\n// nor fetch(url)\nexport const a = "Deno fetch()"; // node:fs\n`,
    "core/model/text.ts": "export const a = (b: string) => `fetch(Deno) ${b} from node:fs`;\n",
    "cli/main.ts": `Deno.exit(0);\n`,
    "cli/print.ts": `print(Deno.stdout)("a");\n`,
  };
  deepEqual(await checkTree(files), []);
});

Deno.test("checkPlatform() names file, line and use of each violation, and names that two files have", async () => {
  const problems = await checkTree({
    "core/model/model.ts": `export const a = 1;\nawait Deno.open("a");\n`,
    "core/train/steps.ts": `import { dirname } from "node:path";\n`,
    "core/label/ask.ts": `const answer = await fetch("http://a");\nDeno.env.get("A");\n`,
    "kernels/tune.ts": `new Worker("a");\n`,
    "cli/model.ts": `console.log("a");\n`,
    "cli/text.ts": `await Deno.stdout\n  .writeSync(a);\n`,
    "cli/words.ts": `print(Deno.stderr)("a");\n`,
  });
  deepEqual(problems, [
    "core/label/ask.ts:2 uses the environment: only core/device, core/hub, core/run, core/server may",
    "core/label/ask.ts:1 uses the network: only core/hub, core/server may",
    "core/model/model.ts:2 uses the file system, or all of Deno: only core/files, core/run, core/hub, core/data/formats, core/device, core/watch may",
    "core/train/steps.ts:1 uses a module of Node.js: only core/files, core/run, core/hub, core/data/formats, core/device, core/watch may",
    "kernels/tune.ts:1 uses a thread: only core/device, core/label may",
    "cli/model.ts:1 uses the terminal as it is: no room may",
    "cli/text.ts:1 uses the terminal as it is: no room may",
    "cli/words.ts:1 uses the terminal as it is: no room may",
    "model.ts is the name of cli/model.ts and core/model/model.ts: expected one file of that name",
  ]);
});

const PLATFORM = {
  "the environment": ["Deno.env.get(name);", "Deno\n  .env.get(name);", "if (Deno.build.os) {}"],
  "the file system, or all of Deno": [
    "Deno.readFileSync(path);",
    "const { env } = Deno;",
    "const { Deno: platform } = globalThis;",
    "(globalThis as { Deno?: unknown }).Deno?.env;",
    "`${Deno.cwd()}`;",
    "/[/*'\"`]/.test(a); Deno.cwd();",
  ],
  "a module of Node.js": [
    'import "node:os";',
    "import { cpus } from 'node:os';",
    'export * from "node:os";',
    'import type { Stats }\n  from "node:fs";',
    'await import("node:os");',
    "await import(`node:os`);",
    'process.getBuiltinModule("node:os");',
  ],
  "the network": ["const ask = () => fetch(url);", "fetch (url);", "globalThis.fetch(url);", "const get = fetch;"],
  "a thread": ["new Worker(url);", "new  globalThis.Worker(url);"],
  "the platform by a string": [
    'globalThis["Deno"].exit();',
    "globalThis [ 'fetch' ](url);",
    "(self as any)[`Worker`];",
  ],
};

for (const [what, lines] of Object.entries(PLATFORM)) {
  Deno.test(`checkPlatform() finds ${what} however it is written`, async () => {
    for (const line of lines) {
      const problems = await checkTree({ "core/model/model.ts": `// A module.\n${line}\n` });
      equal(problems.some((problem) => /^core\/model\/model.ts:[23] uses /.test(problem)), true, line);
      equal(problems.some((problem) => problem.includes(` uses ${what}: `)), true, `${line}: ${problems}`);
    }
  });
}
