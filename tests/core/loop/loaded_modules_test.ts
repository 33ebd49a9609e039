/** What a run loads before it knows its config: each hundred modules take some 40 ms. */
import { ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** A module in what `deno info --json` prints. */
interface Module {
  specifier: string;
  dependencies?: { isDynamic?: boolean; code?: { specifier?: string } }[];
}

Deno.test("a run loads what asks benchmarks where it has some alone", async () => {
  const root = new URL("../../../core/loop/train_run.ts", import.meta.url);
  const args = ["info", "--json", fileURLToPath(root)];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: Module[] };
  const known = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set([root.href]);
  for (const from of loaded) {
    for (const { isDynamic, code } of known.get(from)?.dependencies ?? []) {
      if (!isDynamic && code?.specifier !== undefined) loaded.add(code.specifier);
    }
  }
  ok(loaded.has(new URL("optimize_stage.ts", root).href));
  for (const name of ["benchmark_stage.ts", "benchmark_tasks.ts", "check_benchmarks.ts"]) {
    ok(known.has(new URL(name, root).href), name);
    ok(!loaded.has(new URL(name, root).href), name);
  }
  ok(![...loaded].some((specifier) => /\/core\/benchmark\/tasks\/|franc/.test(specifier)));
});
