/** Finds the answer in a response, by lm-eval's filters (0.4.13, `lm_eval/filters`). @module */
import type { JsonObject, JsonValue } from "../data/formats/json_numbers.ts";
import { strip } from "../data/tokenizer/template/python_strings.ts";
import { UserError } from "../error.ts";
import { isRecord, quote } from "../values.ts";
import { intOf } from "./doc_fields.ts";
import { PythonRegExp } from "./python_regexp.ts";
import type { FilterConfig, FilterStep } from "./task_config.ts";

type Step = (response: string) => string;

/** The steps by name, with the settings that each takes. */
const STEPS: Readonly<Record<string, { settings: readonly string[]; make: (step: FilterStep, name: string) => Step }>> =
  {
    regex: { settings: ["regex_pattern", "group_select", "fallback"], make: regexStep },
    remove_whitespace: { settings: [], make: () => (response) => strip(response, null) },
    lowercase: { settings: [], make: () => (response) => response.toLowerCase() },
    uppercase: { settings: [], make: () => (response) => response.toUpperCase() },
    map: { settings: ["mapping_dict", "default_value"], make: mapStep },
    // A document is asked once: there is nothing to choose from.
    take_first: { settings: [], make: () => (response) => response },
    majority_vote: { settings: [], make: () => (response) => response },
  };

/** A filter that is ready to be used. */
export interface ResponseFilter {
  readonly name: string;
  readonly apply: (response: string) => string;
}

/** Prepares a filter. Throws a UserError that names a step or a setting that is wrong or not supported. */
export function responseFilter({ name, filter: steps }: FilterConfig): ResponseFilter {
  const wrong = (problem: string): UserError => new UserError(`Cannot use the filter ${quote(name)}: ${problem}`);
  if (steps.at(-1)?.function !== "take_first") {
    throw wrong('it does not end with "take_first", expected that as its last');
  }
  const made = steps.map((step) => {
    const { function: kind, ...settings } = step;
    const known = Object.hasOwn(STEPS, kind) ? STEPS[kind]! : undefined;
    if (known === undefined) {
      throw wrong(`the function ${quote(kind)} is not supported, expected one of ${Object.keys(STEPS).join(", ")}`);
    }
    const extra = Object.keys(settings).find((key) => !known.settings.includes(key));
    if (extra !== undefined) {
      const expected = known.settings.length === 0 ? "none" : known.settings.join(", ");
      throw wrong(`"${extra}" of ${kind} is not known, expected ${expected}`);
    }
    try {
      return known.make(step, name);
    } catch (error) {
      throw error instanceof UserError ? error : wrong(`${kind}: ${(error as Error).message}`);
    }
  });
  return { name, apply: (response) => made.reduce((text, step) => step(text), response) };
}

function regexStep(step: FilterStep, name: string): Step {
  const { regex_pattern: source = "#### (\\-?[0-9\\.\\,]+)", group_select: select = 0, fallback = "[invalid]" } = step;
  const at = intOf(select);
  if (typeof source !== "string") throw new Error(`"regex_pattern" is ${quote(source)}, expected a text`);
  if (typeof fallback !== "string") throw new Error(`"fallback" is ${quote(fallback)}, expected a text`);
  if (at === null) throw new Error(`"group_select" is ${quote(select)}, expected a whole number`);
  const pattern = new PythonRegExp(source);
  return (response) => {
    const matches = pattern.findAll(response);
    if (matches.length === 0) return fallback;
    const match = matches.at(at);
    if (match === undefined) {
      throw new UserError(
        `Cannot use the filter ${quote(name)}: "group_select" is ${at} and a response has ${matches.length} matches, ` +
          "expected 0 or −1",
      );
    }
    const found = typeof match === "string" ? match : match.find((group) => group !== "") ?? fallback;
    return strip(found, null);
  };
}

function mapStep(step: FilterStep, name: string): Step {
  const { mapping_dict: map = {}, default_value: otherwise = null } = step;
  if (!isRecord(map)) {
    throw new Error(`"mapping_dict" is ${quote(map)}, expected a mapping`);
  }
  const entries = map as JsonObject;
  return (response) => {
    const value: JsonValue = Object.hasOwn(entries, response) ? entries[response]! : otherwise;
    if (typeof value === "string") return value;
    throw new UserError(
      `Cannot use the filter ${quote(name)}: it maps a response to ${
        quote(value)
      }, expected texts and a "default_value"`,
    );
  };
}
