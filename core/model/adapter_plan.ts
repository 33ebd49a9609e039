/** Which matrices of a model have low-rank adapters, of what rank, and where these lie in their buffers. @module */
import { modelTensors } from "./families/families.ts";
import type { ModelConfig } from "./families/family.ts";
import type { LinearTensors, ParameterShape } from "./families/model_tensors.ts";
import { type ParameterLayout, planParameters } from "./parameter_layout.ts";

/** The matrix that a module of the model holds, which an adapter may be added to. */
export interface LinearModule {
  /** Hugging Face name without `.weight`, such as `model.layers.0.self_attn.q_proj`. */
  readonly name: string;
  /** Columns of its matrix. */
  readonly inputs: number;
  /** Rows of its matrix. */
  readonly outputs: number;
  /** The layer that it belongs to. */
  readonly layer: number;
}

/** An adapter of a module: y += scale · (x·Aᵀ)·Bᵀ. */
export interface AdapterModule extends LinearModule {
  /** Its place among the adapted modules, layer by layer in the order q, k, v, o, gate, up, down. */
  readonly index: number;
  /** Rows of A, and columns of B. */
  readonly rank: number;
  /** α/r, or α/√r. */
  readonly scale: number;
  /** A: [rank, inputs]. */
  readonly down: ParameterShape;
  /** B: [outputs, rank]. */
  readonly up: ParameterShape;
  /** First column of the module in the output of its group. */
  readonly firstOutput: number;
  /** First column of the module in the group's x·Aᵀ. */
  readonly firstRank: number;
}

/** The adapters of modules that act as one matrix: their A lie end to end, and so do their B. */
export interface AdapterGroup {
  /** The modules that have an adapter, in their order. */
  readonly modules: readonly AdapterModule[];
  /** Sum of the ranks: the columns of x·Aᵀ. */
  readonly ranks: number;
}

/** All adapters of a model. */
export interface AdapterPlan {
  /** The adapted modules, in the order of their indices. */
  readonly modules: readonly AdapterModule[];
  /** The groups by the first weight's name of the linear layer. */
  readonly groups: ReadonlyMap<string, AdapterGroup>;
  /** The most columns of a group's x·Aᵀ. */
  readonly ranks: number;
}

/** The linear layers of a model, by layer; those of one layer in the order q k v, o, gate up, down. */
function linearLayers(config: ModelConfig): { layer: number; tensors: LinearTensors }[] {
  return modelTensors(config).layers.flatMap(({ qkv, output, gateUp, down }, layer) =>
    [qkv, output, gateUp, down].map((tensors) => ({ layer, tensors }))
  );
}

/** The modules that can be adapted, in the order of {@linkcode AdapterModule.index}. */
export function linearModules(config: ModelConfig): LinearModule[] {
  return linearLayers(config).flatMap(({ layer, tensors }) => tensors.weights.map((weight) => moduleOf(weight, layer)));
}

function moduleOf({ name, shape: [outputs, inputs] }: ParameterShape, layer: number): LinearModule {
  return { name: name.replace(/\.weight$/, ""), inputs: inputs!, outputs: outputs!, layer };
}

/** Plans the adapters; `choose` says which modules have one, null for those that have none. */
export function planAdapter(
  config: ModelConfig,
  choose: (module: LinearModule) => { rank: number; scale: number } | null,
): AdapterPlan {
  const modules: AdapterModule[] = [];
  const groups = new Map<string, AdapterGroup>();
  for (const { layer, tensors: { weights } } of linearLayers(config)) {
    const own: AdapterModule[] = [];
    let [firstOutput, firstRank] = [0, 0];
    for (const weight of weights) {
      const module = moduleOf(weight, layer);
      const chosen = choose(module);
      if (chosen !== null) {
        const { rank, scale } = chosen;
        own.push({
          ...module,
          index: modules.length + own.length,
          rank,
          scale,
          down: { name: `${module.name}.lora_A.weight`, shape: [rank, module.inputs] },
          up: { name: `${module.name}.lora_B.weight`, shape: [module.outputs, rank] },
          firstOutput,
          firstRank,
        });
        firstRank += rank;
      }
      firstOutput += module.outputs;
    }
    if (own.length > 0) groups.set(weights[0]!.name, { modules: own, ranks: firstRank });
    modules.push(...own);
  }
  return { modules, groups, ranks: [...groups.values()].reduce((most, { ranks }) => Math.max(most, ranks), 0) };
}

/** Plans the buffers of the adapters' A and B. */
export function adapterLayout({ groups }: AdapterPlan, maxBindingBytes: number): ParameterLayout {
  const shapes = [...groups.values()].flatMap(({ modules }) => [
    modules.map(({ down }) => down),
    modules.map(({ up }) => up),
  ]);
  return planParameters(shapes, { maxBindingBytes });
}
