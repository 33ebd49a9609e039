import assert from "node:assert/strict";
import type { CommandEntry } from "../../cli/command_entry.ts";
import { commands } from "../../cli/command_table.ts";
import { helpText } from "../../cli/help_text.ts";

const pack: CommandEntry = {
  name: "pack",
  summary: "put files into a box",
  description: "Puts files into a box, in the order in which they are given, and closes it.",
  argument: { name: "BOX", summary: "the box", required: true, choices: ["red", "blue"] },
  secondArgument: { name: "FILE", summary: "what goes into it" },
  options: [{ flags: "-l, --label <text>", summary: "what is written on the box, in large letters, on top of it" }],
  examples: [["dnpo pack red a.txt", "one file"], ["dnpo pack blue b.txt --label Blue", "with a label, for the shelf"]],
  run: () => Promise.resolve(0),
};

const list: CommandEntry = {
  name: "list",
  summary: "list what is in boxes",
  description: "Lists what is in boxes.",
  argument: { name: "BOX", summary: "the boxes", required: false, repeat: true },
  options: [],
  examples: [["dnpo list", "all boxes"]],
  run: () => Promise.resolve(0),
};

const help = (entry: CommandEntry | undefined, columns: number): string =>
  helpText(entry, { commands: [pack, list], columns });

Deno.test("help of a command shows its usage, arguments with choices, options and examples", () => {
  assert.equal(
    help(pack, 70),
    `\
Usage: dnpo pack [options] <BOX> <FILE>

Puts files into a box, in the order in which they are given, and
closes it.

Arguments:
  BOX                 the box (choices: "red", "blue")
  FILE                what goes into it

Options:
  -l, --label <text>  what is written on the box, in large letters, on
                      top of it
  -h, --help          show this help

Examples:
  dnpo pack red a.txt                one file
  dnpo pack blue b.txt --label Blue  with a label, for the shelf
`,
  );
});

Deno.test("help of a narrow terminal has meanings below what they are of", () => {
  assert.equal(
    help(pack, 40),
    `\
Usage: dnpo pack [options] <BOX> <FILE>

Puts files into a box, in the order in
which they are given, and closes it.

Arguments:
  BOX
      the box (choices: "red", "blue")
  FILE
      what goes into it

Options:
  -l, --label <text>
      what is written on the box, in
      large letters, on top of it
  -h, --help
      show this help

Examples:
  dnpo pack red a.txt
      one file
  dnpo pack blue b.txt --label Blue
      with a label, for the shelf
`,
  );
  // What fits stays beside.
  assert.match(help(list, 40), /^Arguments:\n {2}BOX {9}the boxes\n\nOptions:\n {2}-h, --help {2}show this help$/m);
});

Deno.test("help of the program lists its commands as they are used", () => {
  const text = help(undefined, 80);
  assert.match(text, /^Usage: dnpo \[options\] \[command\]\n\nDNPO: /);
  assert.match(
    text,
    /\n\nCommands:\n {2}pack \[options\] <BOX> <FILE> {2}put files into a box\n {2}list \[BOX\.\.\.\] {16}list what is in boxes\n\nExamples:\n/,
  );
  assert.match(text, /^ {2}-h, --help {19}show help; `dnpo COMMAND --help` shows a\n {31}command's$/m);
});

Deno.test("help fits terminals, but for usage and examples, which are to be copied whole", () => {
  for (const columns of [40, 60, 80, 120]) {
    for (const entry of [undefined, ...commands]) {
      const lines = helpText(entry, { commands, columns }).split("\n");
      for (const line of lines) {
        if (!/^( {2}|Usage: )dnpo /.test(line)) assert(line.length <= columns, `${entry?.name} at ${columns}: ${line}`);
      }
    }
  }
});
