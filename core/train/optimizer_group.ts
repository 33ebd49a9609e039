/** A group of parameters that is optimized together: the policy, or the noise generator. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { adamw } from "../../kernels/optimizer/adamw.ts";
import { finishNorm, squaredNorm, squaredNormPartials } from "../../kernels/optimizer/gradient_norm.ts";
import { rmsprop } from "../../kernels/optimizer/rmsprop.ts";
import type { TrainingConfig } from "../config/config_types.ts";
import type { MemoryPart } from "../model/memory_parts.ts";
import { ParameterBuffers } from "../model/parameter_buffers.ts";
import { type ParameterLayout, trainedPart } from "../model/parameter_layout.ts";

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
}

/** The group's values, with gradients and moments for the trained ones. Frozen values are not part of the state. */
export class OptimizerGroup {
  readonly values: ParameterBuffers;
  readonly gradients: ParameterBuffers;
  readonly #layout: ParameterLayout;
  readonly #moments: readonly ParameterBuffers[];
  readonly #partials: Slice;
  readonly #options: GroupOptions;
  readonly #commands: Commands;

  constructor(commands: Commands, options: GroupOptions) {
    const { device } = commands;
    const { name, values, training } = options;
    const layout = trainedPart(values.layout);
    const like = (label: string, part: MemoryPart): ParameterBuffers =>
      new ParameterBuffers(device, { layout, label: `${name} ${label}`, part: options.part ?? part });
    this.values = values;
    this.gradients = like("gradients", "gradients");
    this.#moments = training.optim === "adamw"
      ? [like("m", "moments"), like("v", "moments")]
      : [like("square average", "moments")];
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

  /** Records computing the gradients' norm and clipping factor, into the control record. */
  norm(): void {
    const { control, training } = this.#options;
    const chunks = this.#layout.chunks.map(({ elements }, i) => ({
      gradients: this.gradients.chunks[i]!,
      count: elements,
    }));
    const partials = this.#partials;
    this.#commands.announce("update", this.#layout.chunks.reduce((sum, { elements }) => sum + elements, 0));
    squaredNorm(this.#commands, { partials, chunks });
    finishNorm(this.#commands, { control, partials, count: partials.size / 4, maxNorm: training.max_grad_norm });
  }

  /** Records one optimizer step at learning rate `lr`, which happens if the control record allows it. */
  update(lr: number): void {
    const { control, training, values, weightDecay } = this.#options;
    this.#layout.chunks.forEach(({ elements: count, decayed }, i) => {
      // Reads the gradient, reads and writes the value and each moment.
      this.#commands.announce("update", (3 + 2 * this.#moments.length) * count);
      const flat = {
        parameters: values.chunks[i]!,
        gradients: this.gradients.chunks[i]!,
        control,
        count,
        decayed,
        lr,
        weightDecay,
      };
      if (training.optim === "adamw") {
        adamw(this.#commands, {
          ...flat,
          m: this.#moments[0]!.chunks[i]!,
          v: this.#moments[1]!.chunks[i]!,
          betas: [training.adam_beta1, training.adam_beta2],
          eps: training.adam_epsilon,
        });
      } else {
        rmsprop(this.#commands, { ...flat, v: this.#moments[0]!.chunks[i]!, alpha: 0.99, eps: 1e-8 });
      }
    });
  }

  /** The buffers that a resumed run needs, by name. */
  get stateBuffers(): Record<string, Slice> {
    const { name } = this.#options;
    const buffers: Record<string, Slice> = {};
    this.#layout.chunks.forEach((_, i) => buffers[`${name}.values.${i}`] = this.values.chunks[i]!);
    this.#moments.forEach((moment, j) =>
      moment.chunks.forEach((chunk, i) => buffers[`${name}.moment${j}.${i}`] = chunk)
    );
    return buffers;
  }

  /** Frees everything but the values. */
  free(): void {
    this.gradients.free();
    for (const moment of this.#moments) moment.free();
    this.#commands.device.free(this.#partials);
  }
}
