import assert from "node:assert/strict";
import { dnpo, withFolder } from "../_shared/dnpo.ts";
import { hasTerminal, inTerminal } from "../_shared/terminal.ts";

const QUICKSTART = "examples/quickstart/config.yaml";

/** What a terminal would have to understand: escape sequences, and a line that is written again. */
// deno-lint-ignore no-control-regex
const MOVES = /\x1b|\r(?!\r*\n)/;

Deno.test("a terminal that knows no escape sequences gets none, and another one colours and a rewritten line", async () => {
  if (!await hasTerminal()) return;
  await withFolder(async (dir) => {
    const set = (name: string): string[] => ["--set", `output_dir=${dir}/${name}`, "--set", "data.limit=4"];
    for (const term of ["dumb", "xterm"]) {
      const env = { TERM: term, NO_COLOR: "" };
      const made = await inTerminal(["generate", QUICKSTART, ...set(term)], [], { env });
      assert.match(made.shown, /generate {2}4\/4/);
      const shown = await inTerminal(["data", QUICKSTART, ...set(term), "--rows", "1"], [], { env });
      assert.match(shown.shown, term === "dumb" ? /⟦/ : /every other one is underlined/);
      assert.deepEqual([made.code, shown.code], [0, 0]);
      for (const { raw } of [made, shown]) assert.equal(MOVES.test(raw), term !== "dumb", JSON.stringify(raw));
    }
  });
});

Deno.test("nothing is asked in a terminal that knows no escape sequences: init says what it needs, as in a pipe", async () => {
  if (!await hasTerminal()) return;
  await withFolder(async (dir) => {
    const args = ["init", `${dir}/new.yaml`];
    const { code, raw } = await inTerminal(args, [], { columns: 500, env: { TERM: "dumb", NO_COLOR: "" } });
    assert.deepEqual([code, raw.replaceAll("\r", "")], [1, (await dnpo(args)).err]);
  });
});
