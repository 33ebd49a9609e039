import assert from "node:assert/strict";
import { answerHelp } from "../../cli/answer_help.ts";
import { commands } from "../../cli/command_table.ts";
import { parseCommandLine } from "../../cli/program.ts";
import { loadedModules } from "../_shared/loaded_modules.ts";

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

Deno.test("help loads neither packages nor Deno's parts of Node, which take longer than all else of it", async () => {
  const root = new URL("../../cli/main.ts", import.meta.url);
  const { loaded } = await loadedModules(root);
  for (const address of loaded) assert(address.startsWith("file:"), `${address} is loaded`);
  assert(loaded.has(new URL("../../cli/help_text.ts", import.meta.url).href));
  assert(!loaded.has(new URL("../../cli/program.ts", import.meta.url).href));
});
