/** Which modules of a model get an adapter, and of what rank and scale, as PEFT decides it. @module */
import type { AdapterSettings } from "../checkpoint/peft_config.ts";
import { LinearRegExp } from "../data/tokenizer/linear_regexp.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import { type AdapterPlan, type LinearModule, linearModules, planAdapter } from "./adapter_plan.ts";
import type { ModelConfig } from "./families/family.ts";

/** Modules that PEFT could adapt too, but that are not adapted here. */
const OTHER_MODULES = ["lm_head", "model.embed_tokens"];

const ALL_LINEAR = "all-linear";

/**
 * Plans the adapters that `settings` describe (PEFT's `check_target_module_exists` and `get_pattern_key`). `what` names
 * their origin in errors. Throws a UserError if no module is a target, if one is that cannot be adapted, or for a
 * pattern that is no regular expression.
 */
export function planTargets(config: ModelConfig, settings: AdapterSettings, what: string): AdapterPlan {
  const { r, lora_alpha, use_rslora, target_modules } = settings;
  const targets = patternOf(target_modules, { key: "target_modules", what });
  const excluded = settings.exclude_modules === undefined
    ? () => false
    : patternOf(settings.exclude_modules, { key: "exclude_modules", what });
  const layers = settings.layers_to_transform === undefined ? null : [settings.layers_to_transform].flat();
  if (layers !== null && typeof target_modules === "string" && !isAllLinear(target_modules)) {
    throw new UserError(
      `Cannot adapt modules (${what}): layers_to_transform is set and target_modules is a regular expression, expected a list of names or ${ALL_LINEAR}`,
    );
  }
  const modules = linearModules(config);
  const isTarget = ({ name, layer }: Pick<LinearModule, "name" | "layer">): boolean => {
    if (excluded(name) || !targets(name)) return false;
    // A module that is named in full is one whatever its layer.
    const isNamed = Array.isArray(target_modules) && target_modules.includes(name);
    return layers === null || isNamed || layers.includes(layer);
  };
  const other = isAllLinear(target_modules) ? undefined : OTHER_MODULES.find((name) => isTarget({ name, layer: -1 }));
  if (other !== undefined) {
    throw new UserError(`Cannot adapt ${quote(other)} (${what}): only the linear layers of the decoder can be adapted`);
  }
  if (!modules.some(isTarget)) {
    const last = modules.at(-1)!.layer;
    if (layers !== null && Math.min(...layers) > last) {
      throw new UserError(
        `Cannot adapt any module (${what}): layers_to_transform is ${
          JSON.stringify(settings.layers_to_transform)
        }, expected layers from 0 to ${last}`,
      );
    }
    throw new UserError(
      `Cannot adapt any module (${what}): target_modules is ${quote(target_modules)}, expected some of ${
        [...new Set(modules.map(({ name }) => name.split(".").at(-1)!))].join(", ")
      }`,
    );
  }
  const ranks = patternsOf(settings.rank_pattern, { key: "rank_pattern", what });
  const alphas = patternsOf(settings.alpha_pattern, { key: "alpha_pattern", what });
  return planAdapter(config, (module) => {
    if (!isTarget(module)) return null;
    const rank = ranks(module.name) ?? r;
    const alpha = alphas(module.name) ?? lora_alpha;
    return { rank, scale: use_rslora ? alpha / Math.sqrt(rank) : alpha / rank };
  });
}

/**
 * As {@linkcode planTargets}, of a config's `lora`. A name, a layer or a pattern that is no module's, which PEFT passes
 * over, is a UserError here: what it was meant for would be trained otherwise. So is a rank above both sizes of a
 * weight, which would take more memory than the weight itself, for hours if it is a slip.
 */
export function planNamedTargets(config: ModelConfig, settings: AdapterSettings): AdapterPlan {
  const plan = planTargets(config, settings, "lora");
  const modules = linearModules(config);
  const names = [...modules.map(({ name }) => name), ...OTHER_MODULES];
  const ends = [...new Set(names.map((name) => name.split(".").at(-1)!))].join(", ");
  for (const key of ["target_modules", "exclude_modules"] as const) {
    const list = settings[key];
    if (!Array.isArray(list)) continue;
    const stray = list.find((end) => !names.some(patternOf([end], { key, what: "lora" })));
    if (stray !== undefined) throw strayError(`${key} has ${quote(stray)}`, `names or ends of names, such as ${ends}`);
  }
  const last = modules.at(-1)!.layer;
  const layer = [settings.layers_to_transform ?? []].flat().find((layer) => layer > last);
  if (layer !== undefined) throw strayError(`layers_to_transform has ${layer}`, `layers from 0 to ${last}`);
  const large = plan.modules.find(({ rank, inputs, outputs }) => rank > Math.max(inputs, outputs));
  if (large !== undefined) {
    const { name, rank, inputs, outputs } = large;
    throw strayError(
      `the rank of ${name} is ${rank}`,
      `at most ${Math.max(inputs, outputs)}, as its weight is [${outputs}, ${inputs}]`,
    );
  }
  const adapted = plan.modules.map(({ name }) => name);
  for (const key of ["rank_pattern", "alpha_pattern"] as const) {
    for (const [pattern, value] of Object.entries(settings[key])) {
      const valueOf = patternsOf({ [pattern]: value }, { key, what: "lora" });
      if (adapted.some((name) => valueOf(name) !== undefined)) continue;
      throw strayError(`${key} has ${quote(pattern)}`, `the end of an adapted module's name, such as ${adapted[0]}`);
    }
  }
  return plan;
}

function strayError(is: string, expected: string): UserError {
  return new UserError(`Cannot adapt modules (lora): ${is}, expected ${expected}`);
}

/** The settings as PEFT is told them: a list of names instead of `all-linear`, sorted. */
export function writtenTargets(config: ModelConfig, settings: AdapterSettings): AdapterSettings {
  if (!isAllLinear(settings.target_modules)) return settings;
  const names = new Set(linearModules(config).map(({ name }) => name.split(".").at(-1)!));
  return { ...settings, target_modules: [...names].sort() };
}

function isAllLinear(target: string | string[]): boolean {
  return typeof target === "string" && target.toLowerCase() === ALL_LINEAR;
}

type Where = { key: string; what: string };

/** Whether a module's name is among names and their ends, or is matched whole by a regular expression. */
function patternOf(pattern: string | string[], where: Where): (name: string) => boolean {
  if (Array.isArray(pattern)) return (name) => pattern.some((end) => name === end || name.endsWith(`.${end}`));
  if (where.key === "target_modules" && isAllLinear(pattern)) return () => true;
  return wholeMatch(pattern, where);
}

/** The value of the first pattern that the end of a module's name matches. */
function patternsOf(
  patterns: Readonly<Record<string, number>>,
  where: Where,
): (name: string) => number | undefined {
  const matches = Object.entries(patterns).map(([pattern, value]) => ({
    matches: wholeMatch(`(?:.*\\.)?(?:${pattern})`, { ...where, key: `${where.key}.${pattern}` }),
    value,
  }));
  return (name) => matches.find((pattern) => pattern.matches(name))?.value;
}

function wholeMatch(pattern: string, { key, what }: Where): (name: string) => boolean {
  let expression: LinearRegExp;
  try {
    expression = new LinearRegExp(`\\A(?:${pattern})\\z`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError(
      `Cannot adapt modules (${what}): ${key} is ${quote(pattern)}, expected a regular expression (${error.message})`,
    );
  }
  return (name) => expression.matches(name).length > 0;
}
