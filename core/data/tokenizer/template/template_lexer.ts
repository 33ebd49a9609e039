/** Cuts a template into tokens, with the white space that jinja2's settings leave. @module */
import { SPACE, strip } from "./python_strings.ts";
import { TemplateError } from "./template_limits.ts";
import { escapedText } from "./text_literal.ts";

/** `operator` is a sign; its text is the value. */
export interface Token {
  type: "data" | "begin" | "end" | "name" | "string" | "integer" | "float" | "operator" | "eof";
  /** For a begin and an end, `{{` or `{%`. */
  value: string;
  line: number;
}

const OPERATORS = [
  ...["//", "**", "==", "!=", ">=", "<="],
  ...["+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"],
];
const OPENING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

const BEGIN = /\{[{%#]/g;
const RAW = new RegExp(`\\{%[-+]?[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\})`, "y");
const endRaw = (trailing: string): RegExp =>
  new RegExp(`\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}${trailing})`, "g");
const END_RAW = { trimmed: endRaw("\\n?"), plain: endRaw("") };
const SPACES = new RegExp(`[${SPACE}]+`, "y");
const FLOAT = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[-+]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const NAME = /[\p{L}\p{N}_\p{M}\p{Pc}]+/uy;
const STRING = /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y;

/**
 * The tokens of a template, with `trim_blocks` and `lstrip_blocks`, as transformers has them, or, if `isPlain`, without
 * both and with `keep_trailing_newline`. Throws a TemplateError that names the line.
 */
export function tokenize(template: string, { isPlain = false }: { isPlain?: boolean } = {}): Token[] {
  const lines = template.replace(/\r\n?/g, "\n");
  const source = isPlain ? lines : lines.replace(/\n$/, "");
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  let counted = 0;
  /** Whether what was read last ended a line. */
  let isLineStart = true;
  const countTo = (place: number): number => {
    for (let next = source.indexOf("\n", counted); next >= 0 && next < place; next = source.indexOf("\n", counted)) {
      line++;
      counted = next + 1;
    }
    counted = Math.max(counted, place);
    return line;
  };
  const fail = (message: string, place = at): never => {
    throw new TemplateError(`line ${countTo(place)}: ${message}`);
  };
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0] ?? null;
  };
  /** Adds the text up to a tag, without what the tag takes of it. */
  const addData = (end: number, { mark, isPrint = false }: { mark: string; isPrint?: boolean }): void => {
    let text = source.slice(at, end);
    if (mark === "-") text = strip(text, null, { left: false });
    else if (mark !== "+" && !isPrint && !isPlain) {
      const start = text.lastIndexOf("\n") + 1;
      if ((start > 0 || isLineStart) && strip(text.slice(start), null) === "") text = text.slice(0, start);
    }
    if (text !== "") tokens.push({ type: "data", value: text, line: countTo(at) });
    at = end;
  };
  /** Steps over a tag's end. */
  const passEnd = (text: string): void => {
    at += text.length;
    if (text.startsWith("-")) at += match(SPACES)?.length ?? 0;
    isLineStart = source[at - 1] === "\n";
  };

  while (at < source.length) {
    BEGIN.lastIndex = at;
    const found = BEGIN.exec(source);
    if (found === null) {
      tokens.push({ type: "data", value: source.slice(at), line: countTo(at) });
      break;
    }
    const [open] = found;
    const sign = /[-+]/.exec(source[found.index + 2] ?? "")?.[0] ?? "";
    addData(found.index, { mark: sign, isPrint: open === "{{" });
    if (open === "{#") readComment();
    else if (open === "{%" && match(RAW) !== null) readRaw();
    else readTag(open, sign);
  }
  tokens.push({ type: "eof", value: "", line: countTo(source.length) });
  return tokens;

  function readComment(): void {
    // A sign that opens the comment does not end it too.
    const start = at + (/[-+]/.test(source[at + 2] ?? "") ? 3 : 2);
    const end = source.indexOf("#}", start);
    if (end < 0) fail("Missing end of comment tag");
    const sign = end > start ? source[end - 1] : "";
    at = end;
    passBlockEnd("#}", sign === "-" || sign === "+" ? sign : "");
  }

  /** Steps over a block's or comment's end, whose sign is before `at`, with the line end after it. */
  function passBlockEnd(end: string, sign: string): void {
    at += end.length;
    if (sign === "-") at += match(SPACES)?.length ?? 0;
    else if (sign === "" && source[at] === "\n" && !isPlain) at++;
    isLineStart = source[at - 1] === "\n";
  }

  function readRaw(): void {
    at += match(RAW)!.length;
    isLineStart = source[at - 1] === "\n";
    // jinja2 takes one that opens at the end.
    if (at === source.length) return;
    const pattern = isPlain ? END_RAW.plain : END_RAW.trimmed;
    pattern.lastIndex = at;
    const end = pattern.exec(source) ?? fail("Missing end of raw directive");
    addData(end.index, { mark: end[1]! });
    at += end[0].length;
    isLineStart = source[at - 1] === "\n";
  }

  function readTag(open: string, sign: string): void {
    const isPrint = open === "{{";
    tokens.push({ type: "begin", value: open, line: countTo(at) });
    at += open.length + sign.length;
    const brackets: string[] = [];
    const END = isPrint ? /-?\}\}/y : /[-+]?%\}/y;
    for (;;) {
      const end = brackets.length === 0 ? match(END) : null;
      if (end !== null) {
        tokens.push({ type: "end", value: open, line: countTo(at) });
        if (isPrint) passEnd(end);
        else {
          at += end.length - 2;
          passBlockEnd("%}", end.length === 3 ? end[0]! : "");
        }
        return;
      }
      if (at >= source.length) fail(`unexpected end of template, expected "${isPrint ? "}}" : "%}"}"`);
      at += match(SPACES)?.length ?? 0;
      if (at < source.length && (brackets.length > 0 || match(END) === null)) readToken(brackets);
    }
  }

  function readToken(brackets: string[]): void {
    const push = (type: Token["type"], text: string, value = text): void => {
      tokens.push({ type, value, line: countTo(at) });
      at += text.length;
    };
    const number = source[at - 1] === "." ? null : match(FLOAT);
    if (number !== null) return push("float", number, number.replaceAll("_", ""));
    const integer = match(INTEGER);
    if (integer !== null) return push("integer", integer, integer.replaceAll("_", ""));
    const name = match(NAME);
    if (name !== null) {
      if (!/^[\p{XIDS}_]\p{XIDC}*$/u.test(name)) fail("Invalid character in identifier");
      return push("name", name);
    }
    const text = match(STRING);
    if (text !== null) return push("string", text, escapedText(text.slice(1, -1)));
    const operator = OPERATORS.find((each) => source.startsWith(each, at));
    if (operator === undefined) return fail(`unexpected char ${JSON.stringify(source[at])}`);
    const close = OPENING[operator];
    if (close !== undefined) brackets.push(close);
    else if (")]}".includes(operator)) {
      const expected = brackets.pop();
      if (expected !== operator) fail(`unexpected '${operator}'${expected ? `, expected '${expected}'` : ""}`);
    }
    push("operator", operator);
  }
}
