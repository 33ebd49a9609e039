/** The model that an optimize step trains, and the frozen reference beside it. @module */
import type { AdapterSettings } from "../checkpoint/peft_config.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { writtenTargets } from "../model/adapter_targets.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { copyAdapter, createAdapter, loadAdapter, type LoadedAdapter } from "../model/lora_adapter.ts";
import { type AnyModel, freeModel, loadFrozenModel, loadModel } from "../model/model.ts";
import { type Adapter, type Parameters, parametersOf } from "../model/parameters.ts";
import type { Scorer } from "../model/scorer.ts";
import { namedBase } from "../run/model_path.ts";
import type { RunContext } from "../run/run_context.ts";
import { initialFolder } from "./first_adapter.ts";
import { filesOf } from "./model_ref.ts";
import type { OptimizeStep } from "./schedule.ts";

/** What loading a policy needs of a run. */
export type PolicyContext = Pick<RunContext, "device" | "commands" | "sources" | "onNote">;

/** A policy and its reference. With adapters both share one base on the device. */
export interface Policy {
  readonly model: AnyModel;
  /** The reference, which scores rows before the first step. */
  readonly scorer: Scorer;
  /** The reference's parameters; null without noise, which alone needs them in every step. */
  readonly reference: Parameters | null;
  free(): void;
}

/**
 * Loads the policy of a step. With `lora` its adapter is that of the model, if this is a PEFT folder, and a frozen copy
 * of it is the reference; otherwise it is a fresh one or that of `lora.init_lora_weights`, and the reference is the base.
 * Throws UserError or DeviceError.
 */
export async function openPolicy(
  context: PolicyContext,
  { settings, model: ref }: Pick<OptimizeStep, "settings" | "model">,
): Promise<Policy> {
  const { device, commands } = context;
  const files = await filesOf(context, ref);
  using held = new DisposableStack();
  const isNoised = settings.noise !== "none";
  if (settings.lora === undefined) {
    const loaded = await loadModel(device, files, { isTrained: true });
    held.defer(() => freeModel(loaded));
    // Without noise, training needs only the reference's log-probabilities, computed before the first step.
    const reference = isNoised ? await loadFrozenModel(device, files, { part: "reference" }) : null;
    if (reference) held.defer(() => freeModel(reference));
    const parameters = reference && parametersOf(reference.weights);
    return { ...freedBy(held), model: loaded, scorer: loaded, reference: parameters };
  }
  const loaded = await loadFrozenModel(device, files, settings);
  held.defer(() => freeModel(loaded));
  const { weights, config } = loaded;
  let frozen: Adapter | null = null;
  let adapter = loaded.adapter;
  if (adapter !== null) {
    noteGoesOn(context, { model: loaded, adapter, settings });
    const copy = copyAdapter(commands, adapter, "reference");
    held.defer(() => copy.values.free());
    frozen = copy;
  } else {
    const made = await firstAdapter(context, { model: loaded, settings });
    held.defer(() => made.values.free());
    adapter = made;
  }
  return {
    ...freedBy(held),
    model: { ...loaded, adapter },
    scorer: { config, weights, adapter: frozen },
    reference: isNoised ? parametersOf(weights, { adapter: frozen }) : null,
  };
}

function freedBy(held: DisposableStack): Pick<Policy, "free"> {
  const kept = held.move();
  return { free: () => kept.dispose() };
}

/** The adapter that a model without one begins with. */
async function firstAdapter(
  context: PolicyContext,
  { model, settings }: { model: AnyModel; settings: IterationConfig },
): Promise<LoadedAdapter> {
  const { device, sources } = context;
  const { iteration, training: { seed } } = settings;
  const { save: _, init_lora_weights: init, ...lora } = settings.lora!;
  const base = settings.model === undefined ? { base: null, revision: null } : await namedBase(settings.model);
  const folder = await initialFolder(sources, settings.lora!);
  if (folder !== null) {
    const loaded = await loadAdapter(device, model.config, folder);
    noteGoesOn(context, { model, adapter: loaded, settings });
    return { ...loaded, peft: { ...loaded.peft, ...base } };
  }
  const drawn = init === true ? "uniform" : "gaussian";
  return createAdapter(device, model.config, { settings: lora, ...base, init: drawn, seed, iteration });
}

/** What of an adapter's settings an adapter that is there has, as a text to compare; dropout is the training's. */
function makingOf(config: ModelConfig, settings: AdapterSettings): string {
  const {
    r,
    lora_alpha,
    use_rslora,
    target_modules,
    exclude_modules,
    rank_pattern,
    alpha_pattern,
    layers_to_transform,
  } = writtenTargets(config, settings);
  const sorted = (modules: string | string[] = []): string | string[] =>
    typeof modules === "string" ? modules : modules.toSorted();
  return JSON.stringify([
    [r, lora_alpha, use_rslora, sorted(target_modules), sorted(exclude_modules)],
    [Object.entries(rank_pattern), Object.entries(alpha_pattern), [layers_to_transform ?? []].flat()],
  ]);
}

/** Notes that the adapter's own settings hold, where the config has others. */
function noteGoesOn(
  { onNote }: Pick<RunContext, "onNote">,
  { model: { config }, adapter: { peft: { settings: own } }, settings }: {
    model: AnyModel;
    adapter: LoadedAdapter;
    settings: IterationConfig;
  },
): void {
  if (settings.iteration > 0) return;
  if (makingOf(config, own) === makingOf(config, settings.lora!)) return;
  onNote(`The adapter goes on with its own settings: r ${own.r}, lora_alpha ${own.lora_alpha}, not those of lora`);
}
