/**
 * Jinja with Python's meaning and with limits on its work, because a template comes with a model and may be written by
 * anybody. @module
 */
import { jsonText } from "../../formats/json_numbers.ts";
import { FILTERS, KNOWN_TESTS, PLAIN_FILTERS } from "./expression_evaluator.ts";
import { findHiddenNames } from "./hidden_names.ts";
import { toPython, type Value } from "./python_values.ts";
import { Scope } from "./scope.ts";
import { parseTemplate } from "./statement_parser.ts";
import { templateGlobals } from "./template_globals.ts";
import { Limits, TemplateError } from "./template_limits.ts";
import { type Marks, Renderer } from "./template_renderer.ts";

/** The most characters of a template. */
const MAX_SOURCE = 1 << 18;

/** The longest time of one rendering, which no honest one comes near on any machine. */
const MAX_MS = 5000;

/** How a template is rendered. */
export interface TemplateOptions {
  milliseconds?: number;
  now?: () => Date;
  /**
   * Whether the template is rendered in `jinja2.Environment(undefined=StrictUndefined, keep_trailing_newline=True)`, as
   * lm-evaluation-harness has it, instead of transformers' environment (default false).
   */
  isPlain?: boolean;
}

/** A template that renders variables; `marks` are written around what is in `{% generation %}` blocks. */
export type CompiledTemplate = (variables: Readonly<Record<string, unknown>>, marks?: Marks) => string;

/**
 * Compiles a template to a function that renders it as transformers does with jinja2, which is with `trim_blocks` and
 * `lstrip_blocks`, or in the environment of `isPlain`. Both throw a TemplateError if they fail, pass a limit, or meet
 * what is not supported.
 */
export function compileTemplate(
  source: string,
  { milliseconds = MAX_MS, now = () => new Date(), isPlain = false }: TemplateOptions = {},
): CompiledTemplate {
  if (source.length > MAX_SOURCE) {
    throw new TemplateError(`it has ${source.length} characters, expected at most ${MAX_SOURCE}`);
  }
  const body = withoutOverflow(() =>
    parseTemplate(source, { filters: isPlain ? PLAIN_FILTERS : FILTERS, tests: KNOWN_TESTS }, { isPlain })
  );
  const hidden = withoutOverflow(() => findHiddenNames(body));
  return (variables, marks = ["", ""]) =>
    withoutOverflow(() => {
      const size = jsonText(variables).length;
      const limits = new Limits({ size, milliseconds });
      const values = Object.entries(variables).map(([name, value]): [string, Value] => [name, toPython(value)]);
      const root = new Scope(
        new Scope(new Scope(null, { variables: templateGlobals(limits, isPlain ? null : now) }), {
          variables: new Map(values),
        }),
        { hidden: hidden.get(body) },
      );
      const renderer = new Renderer({ limits, root, marks, hidden, isStrict: isPlain });
      try {
        return renderer.render(body);
      } catch (error) {
        if (!(error instanceof TemplateError) || error.isOwn) throw error;
        throw new TemplateError(`line ${renderer.line}: ${error.message}`);
      }
    });
}

/** Runs `run`; that the stack is full becomes a TemplateError. */
function withoutOverflow<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError && /call stack/.test(error.message)) throw new TemplateError("it nests too deeply");
    throw error;
  }
}
