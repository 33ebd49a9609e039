/** Text that is safe inside HTML, SVG and Markdown. @module */
import { printable } from "../safe_text.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** `text` for use between tags or inside a quoted attribute; control characters, which XML forbids, become spaces. */
export function escapeMarkup(text: string): string {
  return printable(text).replace(/[&<>"']/g, (c) => ENTITIES[c]!);
}

/** `text` as plain words in one line of Markdown, with nothing that its reader takes for markup or HTML. */
export function escapeMarkdown(text: string): string {
  return printable(text).replace(/\s+/g, " ")
    .replace(/[&<>]/g, (c) => ENTITIES[c]!)
    .replace(/[\\`*[\]~|$]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\$&")
    // Bare addresses and names after an @ become links by themselves; entities in them prevent that.
    .replace(/(https?|ftp):(?=\/\/)|(www)\./gi, (_, scheme, www) => www ? `${www}&#46;` : `${scheme}&#58;`)
    .replaceAll("@", "&#64;");
}

/** `text` as code in one line of Markdown, inside more backticks than it has itself; bars are for tables. */
export function markdownCode(text: string): string {
  const line = printable(text).replace(/\s+/g, " ").replaceAll("|", "\\|");
  const fence = "`".repeat(Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
  return line.startsWith("`") || line.endsWith("`") ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`;
}
