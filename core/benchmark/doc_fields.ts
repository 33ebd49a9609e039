/** What a task makes of a document: its text, target and choices, as lm-eval 0.4.13 reads them (`api/task.py`). @module */
import { UserError } from "../error.ts";
import { errorLine } from "../data/formats/data_problems.ts";
import { JsonFloat, type JsonValue } from "../data/formats/json_numbers.ts";
import { type CompiledTemplate, compileTemplate } from "../data/tokenizer/template/compile_template.ts";
import { TEXT_CLASSES } from "../data/tokenizer/template/text_case.ts";
import { quote } from "../values.ts";
import { parseLiteral } from "./python_literal.ts";
import {
  type ChoiceField,
  type Doc,
  isDocFunction,
  type TargetField,
  type TaskConfig,
  type TextField,
} from "./task_config.ts";

const isDigits = TEXT_CLASSES.get("isdigit")!;

/** A value as Python's int; null if it is no int. */
export function intOf(value: JsonValue | undefined): number | null {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" && Number.isInteger(value) ? value : null;
}

/** Reads a task's fields of documents. Every method throws a UserError that names the task, the key and the problem. */
export class DocFields {
  readonly #config: TaskConfig;
  readonly #columns: ReadonlySet<string>;
  readonly #templates = new Map<string, CompiledTemplate>();
  readonly #places = new WeakMap<Doc, string>();

  /** `columns` are those of the documents that are evaluated: a field of such a name is that column. */
  constructor(config: TaskConfig, columns: Iterable<string>) {
    this.#config = config;
    this.#columns = new Set(columns);
  }

  /** Remembers what documents are called in messages: `what` and their index. */
  nameAll(docs: readonly Doc[], what: string): void {
    docs.forEach((doc, i) => this.#places.set(doc, `${what} ${i}`));
  }

  /** `doc_to_text`, or `field` in its place. A number is a choice's index. */
  text(doc: Doc, field: TextField | undefined = this.#config.doc_to_text): string | number {
    return this.#attempt("doc_to_text", doc, () => {
      const value = this.#textOf(field, doc);
      if (typeof value === "string") return value;
      const int = intOf(value);
      if (int !== null) return int;
      throw new Error(`it is ${quote(value)}, expected a text`);
    });
  }

  /** `doc_to_target`, or `field` in its place: an index, a text or a list of either. */
  target(doc: Doc, field: TargetField | undefined = this.#config.doc_to_target): JsonValue {
    return this.#attempt("doc_to_target", doc, () => {
      if (Array.isArray(field)) return field as JsonValue[];
      if (typeof field !== "string" || this.#columns.has(field)) return this.#textOf(field as TextField, doc);
      const text = this.#render(field, doc);
      if (this.#isIndex(text)) return parseLiteral(text);
      if (text.length < 2 || !text.startsWith("[") || !text.endsWith("]")) return text;
      try {
        return parseLiteral(text);
      } catch {
        return text;
      }
    });
  }

  /** `doc_to_choice`, or `field` in its place. */
  choices(doc: Doc, field: ChoiceField | undefined = this.#config.doc_to_choice): string[] {
    return this.#attempt("doc_to_choice", doc, () => {
      const value = this.#choicesOf(field, doc);
      if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value as string[];
      throw new Error(`it is ${quote(value)}, expected a list of texts`);
    });
  }

  /** `description`, or another key whose text may be a column or a template; "" if there is none. */
  part(key: "description" | "gen_prefix", doc: Doc, field: string | undefined = this.#config[key]): string {
    if (field === undefined || field === "") return "";
    return this.#attempt(key, doc, () => {
      const isColumn = key === "description" ? Object.hasOwn(doc, field) : this.#columns.has(field);
      const value = isColumn ? doc[field] ?? null : this.#render(field, doc);
      if (value === null) return "";
      if (typeof value === "string") return value;
      throw new Error(`it is ${quote(value)}, expected a text`);
    });
  }

  #textOf(field: TextField | undefined, doc: Doc): JsonValue {
    if (field === undefined) throw new Error("the task has none, expected one");
    if (typeof field === "number") return field;
    if (isDocFunction<string | number>(field)) return field.apply(doc);
    if (this.#columns.has(field)) return column(doc, field);
    const text = this.#render(field, doc);
    return this.#isIndex(text) ? parseLiteral(text) : text;
  }

  #choicesOf(field: ChoiceField | undefined, doc: Doc): unknown {
    if (field === undefined) throw new Error("the task has none, expected one");
    if (isDocFunction<readonly string[]>(field)) return field.apply(doc);
    if (typeof field !== "string") return Array.isArray(field) ? field : Object.values(field);
    if (this.#columns.has(field)) return column(doc, field);
    const text = this.#render(field, doc);
    try {
      return parseLiteral(text);
    } catch (error) {
      if (/\{[{%]/.test(field)) throw error;
      throw new Error(`it is ${quote(field)}, expected a column (${[...this.#columns].join(", ")}) or a list of texts`);
    }
  }

  /** Whether lm-eval reads a text as an index. */
  #isIndex(text: string): boolean {
    return this.#config.doc_to_choice !== undefined && isDigits(text);
  }

  #render(source: string, doc: Doc): string {
    let template = this.#templates.get(source);
    if (template === undefined) this.#templates.set(source, template = compileTemplate(source, { isPlain: true }));
    return template(doc);
  }

  #attempt<T>(key: string, doc: Doc, run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const place = this.#places.get(doc) ?? "a row";
      throw new UserError(`Cannot make "${key}" of ${place} of the task ${this.#config.task}: ${errorLine(error)}`);
    }
  }
}

function column(doc: Doc, name: string): JsonValue {
  if (!Object.hasOwn(doc, name)) throw new Error(`the row has no "${name}"`);
  return doc[name]!;
}

/** Whether a number that a row has is a float of Python. */
export function isFloat(value: JsonValue): boolean {
  return value instanceof JsonFloat || (typeof value === "number" && !Number.isInteger(value));
}
