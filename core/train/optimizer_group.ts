/** A group of parameters that is optimized together: the policy, or the noise generator. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { type Slice, subslice } from "../../kernels/device/slice.ts";
import { adamw } from "../../kernels/optimizer/adamw.ts";
import { finishNorm, squaredNorm, squaredNormPartials } from "../../kernels/optimizer/gradient_norm.ts";
import { rmsprop } from "../../kernels/optimizer/rmsprop.ts";
import type { TrainingConfig } from "../config/config_types.ts";
import type { MemoryPart } from "../model/memory_parts.ts";
import { ParameterBuffers } from "../model/parameter_buffers.ts";
import { type ParameterLayout, trainedPart } from "../model/parameter_layout.ts";
import { normBlocks, ownedSlices, type Owner, UNDIVIDED_OWNER } from "./owned_slices.ts";
import { slicedBuffer, type StateBuffer, wholeBuffer } from "./state_buffer.ts";

/** What a group is made of. */
export interface GroupOptions {
  name: string;
  /** The part of the memory that all its buffers belong to (default: `gradients` and `moments`). */
  part?: MemoryPart;
  values: ParameterBuffers;
  /** The control record, which gates and scales its updates. */
  control: Slice;
  training: TrainingConfig;
  weightDecay: number;
  /** Which of its elements this process updates (default: all). Moments are kept of these alone. */
  owner?: Owner;
}

/** The group's values, with gradients and moments for the trained ones. Frozen values are not part of the state. */
export class OptimizerGroup {
  readonly values: ParameterBuffers;
  readonly gradients: ParameterBuffers;
  /** Which elements of each chunk this process updates. */
  readonly owner: Owner;
  readonly #layout: ParameterLayout;
  /** Of each moment, what belongs to the own elements of each chunk; null where it has none. */
  readonly #moments: readonly (readonly (Slice | null)[])[];
  readonly #partials: Slice;
  readonly #options: GroupOptions;
  readonly #commands: Commands;

  constructor(commands: Commands, options: GroupOptions) {
    const { device } = commands;
    const { name, values, training, owner = UNDIVIDED_OWNER } = options;
    const layout = trainedPart(values.layout);
    this.values = values;
    this.owner = owner;
    this.gradients = new ParameterBuffers(device, {
      layout,
      label: `${name} gradients`,
      part: options.part ?? "gradients",
    });
    const moment = (label: string): (Slice | null)[] =>
      ownedSlices(layout, owner).map(({ count }, i) =>
        count === 0 ? null : device.alloc(count * 4, `${name} ${label} ${i}`, options.part ?? "moments")
      );
    this.#moments = training.optim === "adamw" ? [moment("m"), moment("v")] : [moment("square average")];
    this.#layout = layout;
    this.#partials = device.alloc(
      squaredNormPartials(layout.chunks.map((chunk) => chunk.elements)) * 4,
      `${name} norm`,
      options.part,
    );
    this.#options = options;
    this.#commands = commands;
  }

  /** Records zeroing the gradients. */
  clearGradients(): void {
    for (const chunk of this.gradients.chunks) this.#commands.clear(chunk);
  }

  /** Records the partial sums of the gradients' norm, of the own elements. */
  squareGradients(): void {
    this.#commands.announce("update", this.#layout.chunks.reduce((sum, { elements }) => sum + elements, 0));
    const blocks = normBlocks(this.#layout);
    const chunks = ownedSlices(this.#layout, this.owner).flatMap(({ first, count }, i) =>
      count === 0 ? [] : [{
        gradients: subslice(this.gradients.chunks[i]!, first * 4, count * 4),
        count,
        firstPartial: blocks[i]!.first + squaredNormPartials([first]),
      }]
    );
    squaredNorm(this.#commands, { partials: this.#partials, chunks });
  }

  /** The partial sums of the gradients' norm, one for each of {@linkcode normBlocks}. */
  get partials(): Slice {
    return this.#partials;
  }

  /** Records the norm and the clipping factor from all partial sums, into the control record. */
  finishNorm(): void {
    const { control, training } = this.#options;
    const partials = this.#partials;
    finishNorm(this.#commands, { control, partials, count: partials.size / 4, maxNorm: training.max_grad_norm });
  }

  /** Records one optimizer step of the own elements at learning rate `lr`, if the control record allows it. */
  update(lr: number): void {
    const { control, training, values, weightDecay } = this.#options;
    ownedSlices(this.#layout, this.owner).forEach(({ first, count }, i) => {
      if (count === 0) return;
      const own = (chunk: Slice): Slice => subslice(chunk, first * 4, count * 4);
      // Reads the gradient, reads and writes the value and each moment.
      this.#commands.announce("update", (3 + 2 * this.#moments.length) * count);
      const flat = {
        parameters: own(values.chunks[i]!),
        gradients: own(this.gradients.chunks[i]!),
        control,
        count,
        decayed: Math.min(count, Math.max(0, this.#layout.chunks[i]!.decayed - first)),
        lr,
        weightDecay,
      };
      if (training.optim === "adamw") {
        adamw(this.#commands, {
          ...flat,
          m: this.#moments[0]![i]!,
          v: this.#moments[1]![i]!,
          betas: [training.adam_beta1, training.adam_beta2],
          eps: training.adam_epsilon,
        });
      } else {
        rmsprop(this.#commands, { ...flat, v: this.#moments[0]![i]!, alpha: 0.99, eps: 1e-8 });
      }
    });
  }

  /** The buffers that a resumed run needs, by name. */
  get stateBuffers(): Record<string, StateBuffer> {
    const { name } = this.#options;
    const { chunks } = this.#layout;
    const buffers: Record<string, StateBuffer> = {};
    chunks.forEach((_, i) => buffers[`${name}.values.${i}`] = wholeBuffer(this.values.chunks[i]!));
    this.#moments.forEach((moment, j) =>
      chunks.forEach(({ elements }, i) =>
        buffers[`${name}.moment${j}.${i}`] = slicedBuffer(moment[i]!, { elements, owner: this.owner })
      )
    );
    return buffers;
  }

  /** Frees everything but the values. */
  free(): void {
    this.gradients.free();
    for (const slice of this.#moments.flat()) if (slice) this.#commands.device.free(slice);
    this.#commands.device.free(this.#partials);
  }
}
