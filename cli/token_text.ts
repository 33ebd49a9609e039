/** A row's tokens for the terminal: their borders, and which are trained on. @module */
import { styleText } from "node:util";
import { counted } from "../core/counted.ts";
import type { PreviewedRow } from "../core/plan/data_preview.ts";
import type { PreviewToken } from "../core/plan/preview_tokens.ts";
import { escapeUnsafe, safeLine } from "../core/safe_text.ts";
import { formatCount } from "./format_units.ts";

/** Of more tokens than these, only the beginning and the end are shown. */
const MOST = 240;
const FIRST = 160;
const LAST = 60;

/** Marks for readers without colours. */
const BORDER = "│";
const [OPEN, CLOSE] = ["⟦", "⟧"];

/** What the marks or colours of {@linkcode describeRow} mean. */
export function legend(isStyled: boolean): string {
  const tokens = isStyled
    ? `Tokens: every other one is underlined; ${paint("trained on", { trained: true, other: false })}, ${
      paint("read only", { trained: false, other: false })
    }`
    : `Tokens: ${BORDER} between them, ${OPEN}trained on${CLOSE}, the rest is read only`;
  return `${tokens}\n        ↵ is a newline, · a part of a character`;
}

/** The lines of a row. */
export function describeRow({ where, prompt, answers }: PreviewedRow, { isStyled }: { isStyled: boolean }): string[] {
  const count = (tokens: readonly PreviewToken[], uncut = tokens.length): string => {
    const trained = tokens.filter(({ trained }) => trained).length;
    const cut = uncut > tokens.length ? ` of ${formatCount(uncut)}, cut at max_length` : "";
    return `${counted(tokens.length, "token")}${cut}${trained > 0 ? `, ${formatCount(trained)} trained on` : ""}`;
  };
  return [
    safeLine(`Row ${where}`),
    `  prompt, ${count(prompt)}`,
    ...tokenLines(prompt, isStyled),
    ...answers.flatMap(({ name, tokens, uncut }) => [
      `  ${name}, ${count(tokens, uncut)}`,
      ...tokenLines(tokens, isStyled),
    ]),
  ];
}

function tokenLines(tokens: readonly PreviewToken[], isStyled: boolean): string[] {
  const parts = tokens.length <= MOST ? [text(tokens, { isStyled, from: 0 })] : [
    text(tokens.slice(0, FIRST), { isStyled, from: 0 }),
    `\n[${counted(tokens.length - FIRST - LAST, "token")} more]\n`,
    text(tokens.slice(-LAST), { isStyled, from: tokens.length - LAST }),
  ];
  return parts.join("").split("\n").filter((line, i, all) => line !== "" || i < all.length - 1)
    .map((line) => `    ${line}`);
}

function text(tokens: readonly PreviewToken[], { isStyled, from }: { isStyled: boolean; from: number }): string {
  return tokens.map(({ text, trained }, i) => {
    const [opens, closes] = [trained && !tokens[i - 1]?.trained, trained && !tokens[i + 1]?.trained];
    const [body, breaks] = shown(text);
    if (isStyled) return paint(body, { trained, other: (from + i) % 2 === 1 }) + breaks;
    return `${i > 0 ? BORDER : ""}${opens ? OPEN : ""}${body}${closes ? CLOSE : ""}${breaks}`;
  }).join("");
}

/** A token's text in one line, without what could rewrite a terminal; and a newline if it ends with one. */
function shown(text: string): [string, string] {
  if (text === "") return ["·", ""];
  const line = escapeUnsafe(text).replaceAll("\t", "⇥").replaceAll("\n", "↵");
  return [line, text.endsWith("\n") ? "\n" : ""];
}

function paint(text: string, { trained, other }: { trained: boolean; other: boolean }): string {
  const styles = [trained ? "green" : "gray", ...(other ? ["underline"] : [])] as Parameters<typeof styleText>[0];
  return styleText(styles, text, { validateStream: false });
}
