/** The modules that a module loads at once, as `deno info` knows them. @module */
import { fileURLToPath } from "node:url";

/** A module in what `deno info --json` prints. */
interface Module {
  specifier: string;
  dependencies?: { isDynamic?: boolean; code?: { specifier?: string } }[];
}

/** The addresses of all modules that are loaded with `root`, and of all that it knows: those too that it imports later. */
export async function loadedModules(root: URL): Promise<{ loaded: Set<string>; known: Set<string> }> {
  const args = ["info", "--json", fileURLToPath(root)];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: Module[] };
  const byAddress = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set([root.href]);
  for (const from of loaded) {
    for (const { isDynamic, code } of byAddress.get(from)?.dependencies ?? []) {
      if (!isDynamic && code?.specifier !== undefined) loaded.add(code.specifier);
    }
  }
  return { loaded, known: new Set(byAddress.keys()) };
}
