/** Writes a resolved config as YAML. @module */
import { Document, isNode, Scalar, visit } from "yaml";
import { escapeUnsafe, isPrintable, safeLine } from "../safe_text.ts";
import type { ResolvedConfig } from "./config_types.ts";
import type { Setting } from "./load_config.ts";

/**
 * The config as YAML, with every default, in the schema's order. The same settings give the same text.
 *
 * @example
 * ```ts
 * import { loadConfig, writeResolved } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const text = writeResolved(await loadConfig("examples/quickstart/config.yaml"));
 * assert.match(text, /^method: dnpo$/m);
 * ```
 */
export function writeResolved(config: ResolvedConfig): string {
  return escapeUnsafe(documentText(new Document(config, { aliasDuplicateObjects: false })));
}

/** A document's text; a text with characters that could rewrite a terminal is in quotes, for {@linkcode escapeUnsafe}. */
export function documentText(document: Document): string {
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === "string" && !isPrintable(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Infinity });
}

/** Marks comments; YAML escapes this character in texts, so no text of a config contains it. */
const MARK = "\u0001";

/** An empty list or mapping with a comment, which YAML's writer puts on lines of their own. */
const EMPTY = new RegExp(`:\\n\\s+(\\[\\]|\\{\\})\\s*#(?=${MARK})`, "g");

/** As {@linkcode writeResolved}, with each setting's origin in a comment at the end of its line. */
export function writeExplained(config: ResolvedConfig, settings: readonly Setting[]): string {
  const document = new Document(config, { aliasDuplicateObjects: false });
  for (const [i, { key }] of settings.entries()) {
    const node = document.getIn(key.split("."), true);
    if (isNode(node)) node.comment = MARK + i;
  }
  const text = documentText(document).replace(EMPTY, ": $1 #");
  const lines = text.split("\n").map((line) => line.split(` #${MARK}`))
    .map(([text, mark]) => [escapeUnsafe(text!), mark] as const);
  // The limit keeps one long path from pushing every comment off the screen.
  const width = Math.min(48, Math.max(...lines.map(([text, mark]) => mark === undefined ? 0 : text.length)));
  return lines.map(([text, mark]) =>
    mark === undefined ? text : `${text.padEnd(width)}  # ${safeLine(settings[Number(mark)]!.from)}`
  ).join("\n");
}
