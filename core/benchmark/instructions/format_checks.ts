/** Whether an answer has the form that it should. Patterns are Python's. @module */
import { strip } from "../../data/tokenizer/template/python_strings.ts";
import { countOf, type InstructionCheck, patternOf } from "./instruction_kwargs.ts";

const isBlank = (text: string): boolean => strip(text, null) === "";

/** Texts in square brackets. */
export const hasPlaceholders: InstructionCheck = (answer, kwargs) =>
  countOf("\\[.*?\\]", answer) >= kwargs.count("num_placeholders");

/** A part after a mark such as `P.S.`. */
export const hasPostscript: InstructionCheck = (answer, kwargs) => {
  const marker = kwargs.stripped("postscript_marker");
  const known: Record<string, string> = { "P.P.S": "p\\.\\s?p\\.\\s?s", "P.S.": "p\\.\\s?s\\." };
  return countOf(known[marker] ?? marker.toLowerCase(), answer.toLowerCase()) > 0;
};

/** So many points of lists, with `*` or `-`. */
export const hasBullets: InstructionCheck = (answer, kwargs) =>
  countOf("(?m:^\\s*\\*[^\\*].*$)", answer) + countOf("(?m:^\\s*-.*$)", answer) === kwargs.count("num_bullets");

const OPTIONS = ["My answer is yes.", "My answer is no.", "My answer is maybe."];

/** One of three answers. */
export const isConstrained: InstructionCheck = (answer) => OPTIONS.some((option) => answer.includes(option));

/** Parts between asterisks, single or double ones; the latter count in both ways if there is text next to a single one. */
export const hasHighlights: InstructionCheck = (answer, kwargs) => {
  const found = (pattern: string): string[] => patternOf(pattern).findAll(answer) as string[];
  const single = found("\\*[^\\n\\*]*\\*").filter((each) => !isBlank(strip(each, "*")));
  const double = found("\\*\\*[^\\n\\*]*\\*\\*").filter((each) => !isBlank(each.slice(2, -2)));
  return single.length + double.length >= kwargs.count("num_highlights");
};

/** Parts that begin with a word and a number. */
export const hasSections: InstructionCheck = (answer, kwargs) => {
  const wanted = kwargs.count("num_sections");
  const pattern = patternOf(`\\s?${kwargs.stripped("section_spliter")}\\s?\\d+\\s?`);
  // Python's split has a part more for each group.
  return pattern.findAll(answer).length * (1 + pattern.groups) >= wanted;
};

const FENCES = ["```json", "```Json", "```JSON", "```"];

/** JSON and nothing else, also within a fence of Markdown. */
export const isJson: InstructionCheck = (answer) => {
  let text = strip(answer, null);
  for (const fence of FENCES) if (text.startsWith(fence)) text = text.slice(fence.length);
  if (text.endsWith("```")) text = text.slice(0, -3);
  // Python reads numbers that JSON has not.
  const plain = strip(text, null).replace(
    /"(?:[^"\\]|\\.)*"|(?<![\w.+-])(?:-?Infinity|NaN)(?![\w.+-])/gs,
    (each) => each.startsWith('"') ? each : "0",
  );
  try {
    JSON.parse(plain);
    return true;
  } catch {
    return false;
  }
};

/** A title in double angular brackets. */
export const hasTitle: InstructionCheck = (answer) =>
  (patternOf("<<[^\\n]+>>").findAll(answer) as string[]).some((title) =>
    !isBlank(strip(strip(title, "<", { right: false }), ">", { left: false }))
  );
