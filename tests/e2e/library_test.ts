/** The library, imported by a script outside the repository in the ways that README names. */
import { deepEqual } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withFolder } from "../_shared/dnpo.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a script in `dir` that imports both entries. */
async function runScript(dir: string, flags: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  await Deno.writeTextFile(
    join(dir, "script.ts"),
    'import { train } from "@dnpo/dnpo";\nimport { openModel } from "@dnpo/dnpo/engine";\n' +
      "console.log(typeof train, typeof openModel);\n",
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", ...flags, "script.ts"],
    cwd: dir,
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

const LOADED = { code: 0, out: "function function\n", err: "" };

Deno.test("a script elsewhere imports the library with this folder's settings", () =>
  withFolder(async (dir) => {
    deepEqual(await runScript(dir, ["--config", join(root, "deno.json")]), LOADED);
  }));

Deno.test("a project elsewhere imports the library by a link to this folder", () =>
  withFolder(async (dir) => {
    const readme = await Deno.readTextFile(join(root, "README.md"));
    const [, settings] = /```json\n(\{ "links".*\})\n```/.exec(readme)!;
    await Deno.writeTextFile(join(dir, "deno.json"), settings!.replace('"../dnpo"', JSON.stringify(root)));
    deepEqual(await runScript(dir, []), LOADED);
  }));
