import { deepEqual, equal } from "node:assert/strict";

interface Declaration {
  kind: string;
  jsDoc?: { doc?: string; tags?: { kind: string }[] };
}
interface Documented {
  nodes: Record<string, { module_doc: { doc: string }; symbols: { name: string; declarations: Declaration[] }[] }>;
}

const ENTRIES = ["mod.ts", "engine.ts"];
/** More than this nobody reads before the first line of a program. */
const MOST_VALUES = 30;
const root = new URL("../../", import.meta.url);

for (const entry of ENTRIES) {
  Deno.test(`${entry} has at most ${MOST_VALUES} values, each with an example, and every symbol is documented`, async () => {
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: ["doc", "--json", entry],
      cwd: root,
      stderr: "inherit",
    }).output();
    equal(success, true);
    const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as Documented;
    const { symbols, module_doc } = Object.values(nodes)[0]!;
    equal(module_doc.doc.includes("```ts"), true);
    const isValue = ({ declarations: [first] }: typeof symbols[number]): boolean =>
      ["function", "class", "variable"].includes(first!.kind);
    // A class that is exported for its type alone has no constructor for users: `export type` shows it as a class too.
    const text = await Deno.readTextFile(new URL(entry, root));
    const types = new Set(
      [...text.matchAll(/export type \{([^}]*)\}|\btype (\w+)/g)].flatMap(([, list, name]) =>
        list ? list.split(",").map((one) => one.trim()) : [name]
      ),
    );
    const values = symbols.filter((symbol) => isValue(symbol) && !types.has(symbol.name));
    equal(values.length > 10 && values.length <= MOST_VALUES, true, `${values.length} values`);
    const bare = values.filter(({ declarations }) =>
      !declarations.some(({ jsDoc }) => jsDoc?.tags?.some(({ kind }) => kind === "example"))
    );
    deepEqual(bare.map(({ name }) => name), [], "values without an example");
    const silent = symbols.filter(({ declarations }) => !declarations.some(({ jsDoc }) => jsDoc?.doc));
    deepEqual(silent.map(({ name }) => name), [], "symbols without a description");
  });
}

Deno.test("deno doc --lint finds no type that an entry keeps back, and nothing public without a comment", async (t) => {
  for (const entry of ENTRIES) {
    // By itself, since another entry's types are not those that a user of this one can name.
    await t.step(entry, async () => {
      const { success, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["doc", "--lint", entry],
        cwd: root,
        env: { NO_COLOR: "1" },
        stdout: "null",
      }).output();
      const text = new TextDecoder().decode(stderr);
      deepEqual([...text.matchAll(/^error\[.*\n *--> .*$/gm)].map(([problem]) => problem), []);
      equal(success, true, text);
    });
  }
});
