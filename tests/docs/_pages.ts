/** What a page of the documentation asks its reader to write and to run. @module */

/** A step of a page: a file to write, or a command to run. */
export type Step =
  | { kind: "file"; name: string; text: string; line: number }
  | { kind: "command"; command: string; line: number };

/** Code blocks ```LANGUAGE NAME are files; lines of ```sh blocks are commands, without their comments. */
export function stepsOf(page: string): Step[] {
  const steps: Step[] = [];
  let block: { language: string; name: string | undefined; start: number; lines: string[] } | null = null;
  page.split("\n").forEach((text, i) => {
    if (block === null) {
      const open = /^```(\w+)(?:\s+(\S+))?\s*$/.exec(text);
      if (open) block = { language: open[1]!, name: open[2], start: i + 2, lines: [] };
      return;
    }
    if (text !== "```") {
      block.lines.push(text);
      return;
    }
    const { language, name, start, lines } = block;
    block = null;
    if (name !== undefined) {
      steps.push({ kind: "file", name, text: lines.join("\n") + "\n", line: start });
    } else if (language === "sh") {
      lines.forEach((line, j) => {
        const command = line.replace(/\s+#\s.*$/, "").trim();
        if (command !== "" && !command.startsWith("#")) steps.push({ kind: "command", command, line: start + j });
      });
    }
  });
  return steps;
}

/** The words of a command line as a shell reads them: quotes and blanks, and nothing else. Throws where it needs more. */
export function wordsOf(command: string): string[] {
  const words: string[] = [];
  for (const [, double, single, bare] of command.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)/g)) {
    const word = double ?? single ?? bare!;
    if (bare !== undefined && /[|&;<>$`]/.test(bare)) throw new Error(`"${command}" needs a shell`);
    words.push(word);
  }
  return words;
}
