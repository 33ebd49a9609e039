/** Reads the escapes of a string in a template as Python does. @module */
import { TemplateError } from "./template_limits.ts";

const SHORT: Readonly<Record<string, string>> = {
  ...{ n: "\n", t: "\t", r: "\r", "\\": "\\", "'": "'", '"': '"', "\n": "" },
  ...{ a: "\x07", b: "\b", f: "\f", v: "\v" },
};

/** The text that a string's escapes mean; a backslash before any other letter stays. */
export function escapedText(source: string): string {
  if (!source.includes("\\")) return source;
  return source.replace(
    /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([\s\S]))/g,
    (whole, octal?: string, x?: string, u?: string, long?: string, other?: string) => {
      if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8));
      const code = x ?? u ?? long;
      if (code !== undefined) {
        const point = parseInt(code, 16);
        if (point >= 0xd800 && point <= 0xdfff) {
          throw new TemplateError(`the escape ${whole} is half a character, expected \\U and its whole code`);
        }
        if (point > 0x10ffff) throw new TemplateError(`the escape ${whole} is no character`);
        return String.fromCodePoint(point);
      }
      if (/[xuU]/.test(other!)) throw new TemplateError(`the escape ${whole} has too few digits`);
      if (other === "N") throw new TemplateError("the escape \\N is not supported");
      return SHORT[other!] ?? whole;
    },
  );
}
