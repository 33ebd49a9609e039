/** Blanks what is no code in the text of a TypeScript module, so that words can be looked for. @module */

/** What begins at a place of the text and is taken whole. A slash is a regular expression where no value is before it. */
const TOKEN = new RegExp(
  [
    String.raw`(?<comment>\/\*[^]*?\*\/|\/\/[^\n]*)`,
    String.raw`(?<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')`,
    // An exclamation mark after a value is TypeScript's, and what follows it a division.
    String.raw`(?<regex>(?<=(?:^|[(,=:[&|?{};+\-*%<>~^]|(?<![\w)\]])!|` +
    String.raw`\b(?:return|typeof|case|in|of|yield|await|throw))\s*)` +
    String.raw`\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^\/\\\n[])+\/\w*)`,
    String.raw`(?<other>[^])`,
  ].join("|"),
  "gy",
);

/** Text of a template up to its end or to the next `${`. */
const TEMPLATE = /(?:\\[^]|\$(?!\{)|[^`$\\])*(?:`|\$\{)/gy;

/**
 * The text with blanks for comments, and for what is between the quotes of strings, of regular expressions and of
 * templates unless `strings` is set. What templates interpolate is code. Every line keeps its place.
 */
export function blankText(text: string, { strings = false } = {}): string {
  // Of each template that is open here, the braces that are open within its interpolation.
  const braces: number[] = [];
  const keep = (part: string): string => strings ? part : blank(part);
  let out = "";
  let at = 0;
  const readTemplate = (): void => {
    TEMPLATE.lastIndex = at;
    const [part] = TEMPLATE.exec(text) ?? [text.slice(at)];
    at += part.length;
    const end = part.endsWith("${") ? 2 : 1;
    out += keep(part.slice(0, -end)) + part.slice(-end);
    if (end === 2) braces.push(0);
  };
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const { comment, string, regex, other } = TOKEN.exec(text)!.groups!;
    at = TOKEN.lastIndex;
    if (comment !== undefined) out += blank(comment);
    else if (string !== undefined) out += string[0]! + keep(string.slice(1, -1)) + string[0]!;
    else if (regex !== undefined) out += keep(regex);
    else {
      out += other;
      const depth = braces.at(-1);
      if (other === "`") readTemplate();
      else if (other === "{" && depth !== undefined) braces[braces.length - 1] = depth + 1;
      else if (other === "}" && depth !== undefined) {
        if (depth > 0) braces[braces.length - 1] = depth - 1;
        else {
          braces.pop();
          readTemplate();
        }
      }
    }
  }
  return out;
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}
