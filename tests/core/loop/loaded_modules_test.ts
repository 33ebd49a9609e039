/** What a run loads before it knows its config: each hundred modules take some 40 ms. */
import { ok } from "node:assert/strict";
import { loadedModules } from "../../_shared/loaded_modules.ts";

Deno.test("a run loads what asks benchmarks where it has some alone", async () => {
  const root = new URL("../../../core/loop/train_run.ts", import.meta.url);
  const { loaded, known } = await loadedModules(root);
  ok(loaded.has(new URL("optimize_stage.ts", root).href));
  for (const name of ["benchmark_stage.ts", "benchmark_tasks.ts", "check_benchmarks.ts"]) {
    ok(known.has(new URL(name, root).href), name);
    ok(!loaded.has(new URL(name, root).href), name);
  }
  ok(![...loaded].some((specifier) => /\/core\/benchmark\/tasks\/|franc/.test(specifier)));
});
