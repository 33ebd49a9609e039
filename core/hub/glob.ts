/** File patterns of data set cards, and of tasks' names. @module */
import { UserError } from "../error.ts";
import { quote } from "../values.ts";

/**
 * Converts a pattern to an expression that matches whole paths: `*` and `?` stay within a folder, `**` does not, `[…]`
 * is one of some characters, `{a,b}` one of some texts. Throws a UserError for a pattern that is broken.
 */
export function globToRegExp(pattern: string): RegExp {
  let source = "";
  let braces = 0;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    const close = c === "[" ? pattern.indexOf("]", i + 2) : -1;
    if (pattern.startsWith("**/", i)) {
      source += "(?:[^/]+/)*";
      i += 2;
    } else if (pattern.startsWith("**", i)) {
      source += ".*";
      i++;
    } else if (c === "*") source += "[^/]*";
    else if (c === "?") source += "[^/]";
    else if (close !== -1) {
      const set = pattern.slice(i + 1, close).replace(/[\\\]^[]/g, "\\$&").replace(/^(?:!|\\\^)/, "^");
      source += `[${set}]`;
      i = close;
    } else if (c === "{" && pattern.includes("}", i)) {
      braces++;
      source += "(?:";
    } else if (c === "}" && braces > 0) {
      braces--;
      source += ")";
    } else if (c === "," && braces > 0) source += "|";
    else source += c.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  }
  try {
    return new RegExp(`^${source}$`);
  } catch {
    throw new UserError(
      `Cannot use the pattern ${quote(pattern)}: it is broken, expected ranges such as [a-z] and every { closed`,
    );
  }
}
