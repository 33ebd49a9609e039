/** Text that is safe inside HTML, SVG and Markdown. @module */
import { maskCredentials, printable } from "../safe_text.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** `text` without control characters and passwords, which is the first thing that each of these does. */
function safe(text: string): string {
  return maskCredentials(printable(text));
}

/** `text` for use between tags or inside a quoted attribute; control characters, which XML forbids, become spaces. */
export function escapeMarkup(text: string): string {
  return safe(text).replace(/[&<>"']/g, (c) => ENTITIES[c]!);
}

/**
 * `text` as plain words in one line of Markdown, with nothing that its reader takes for markup or HTML. Markup becomes
 * character references: readers of Markdown differ in where a backslash counts, within links and tables.
 */
export function escapeMarkdown(text: string): string {
  return safe(text).replace(/\s+/g, " ")
    .replace(/[&<>\\`*[\]~|$]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, (c) => ENTITIES[c] ?? `&#${c.charCodeAt(0)};`)
    // Bare addresses and names after an @ become links by themselves; entities in them prevent that.
    .replace(/(https?|ftp):(?=\/\/)|(www)\./gi, (_, scheme, www) => www ? `${www}&#46;` : `${scheme}&#58;`)
    .replaceAll("@", "&#64;");
}

/** `text` as code in one line of Markdown, also in a table. */
export function markdownCode(text: string): string {
  const line = safe(text).replace(/\s+/g, " ");
  return /^[^`|\\]*[^`|\\ ]$/.test(line) ? `\`${line}\`` : `<code>${escapeMarkdown(line)}</code>`;
}
