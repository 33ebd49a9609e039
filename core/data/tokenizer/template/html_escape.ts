/** Escapes text for HTML as markupsafe does. @module */
import type { Limits } from "./template_limits.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

/** A text whose `&`, `<`, `>` and quotes are escaped. */
export function escapeHtml(text: string, limits: Limits): string {
  limits.make(text.length);
  const result = text.replace(/[&<>"']/g, (char) => ESCAPES[char]!);
  limits.make(result.length);
  return result;
}
