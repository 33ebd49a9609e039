/** File patterns of data set cards. @module */

/**
 * Converts a pattern to an expression that matches whole paths: `*` and `?` stay within a folder, `**` does not, `[…]`
 * is one of some characters, `{a,b}` one of some texts.
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
  return new RegExp(`^${source}$`);
}
