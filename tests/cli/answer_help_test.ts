import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { answerHelp } from "../../cli/answer_help.ts";
import { commands } from "../../cli/command_table.ts";
import { parseCommandLine } from "../../cli/program.ts";

type Answer = (writes: { writeOut(text: string): void; writeErr(text: string): void }) => unknown;

/** What is answered, and what is written on which stream. */
function written(answer: Answer): unknown[] {
  const lines: string[] = [];
  const result = answer({
    writeOut: (text) => lines.push(`out ${text}`),
    writeErr: (text) => lines.push(`err ${text}`),
  });
  return [result, lines.join("")];
}

const shortcut = (args: string[]) => written((writes) => answerHelp(args, commands, { version: "1.2.3", ...writes }));
const parser = (args: string[]) =>
  written((writes) => parseCommandLine(args, commands, { version: "1.2.3", ...writes }));

Deno.test("answerHelp() answers as the parser does", () => {
  const ofCommands = commands.flatMap(({ name }) => [[name, "--help"], [name, "-h"]]);
  for (const args of [[], ["--help"], ["-h"], ["--version"], ["-V"], ...ofCommands]) {
    const [code, text] = shortcut(args);
    assert.equal(code, args.length === 0 ? 1 : 0, args.join(" "));
    assert(String(text).length > 0);
    assert.deepEqual([code, text], parser(args), args.join(" "));
  }
});

Deno.test("answerHelp() answers the command help", () => {
  assert.deepEqual(shortcut(["help"]), parser(["--help"]));
  for (const { name } of commands) assert.deepEqual(shortcut(["help", name]), parser([name, "--help"]));
});

Deno.test("answerHelp() leaves other command lines to the parser", () => {
  for (
    const args of [
      ["train"],
      ["version"],
      ["trian"],
      ["trian", "--help"],
      ["help", "trian"],
      ["help", "train", "chat"],
      ["train", "--help", "--set"],
      ["train", "config.yaml", "--help"],
      ["--mpi"],
      ["--mpi", "--help"],
      ["--help", "train"],
      ["--version", "--help"],
      ["-hV"],
      ["--", "--help"],
      ["-h, --help"],
      [""],
    ]
  ) {
    assert.deepEqual(shortcut(args), [undefined, ""], args.join(" "));
  }
});

/** A module in what `deno info --json` prints. */
interface Module {
  specifier: string;
  dependencies?: { specifier: string; isDynamic?: boolean; code?: { specifier?: string } }[];
}

Deno.test("help loads neither packages nor Deno's parts of Node, which take longer than all else of it", async () => {
  const root = new URL("../../cli/main.ts", import.meta.url);
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", fileURLToPath(root)] })
    .output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: Module[] };
  const known = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set([root.href]);
  for (const from of loaded) {
    for (const { specifier, isDynamic, code } of known.get(from)?.dependencies ?? []) {
      if (isDynamic || code === undefined) continue;
      const { specifier: to = "" } = code;
      assert(to.startsWith("file:"), `${from} imports ${specifier}`);
      loaded.add(to);
    }
  }
  assert(loaded.has(new URL("../../cli/help_text.ts", import.meta.url).href));
  assert(!loaded.has(new URL("../../cli/program.ts", import.meta.url).href));
});
