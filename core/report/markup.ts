/** Text that is safe inside HTML and SVG. @module */

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** `text` for use between tags or inside a quoted attribute; control characters, which XML forbids, become spaces. */
export function escapeMarkup(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, " ").replace(/[&<>"']/g, (c) => ENTITIES[c]!);
}
