/** The declaration of a config key: its type, its description, and further facts about it. @module */
import { z } from "zod";
import type { JudgeKind } from "../choices.ts";

/** Facts about a key besides its type and its description. */
export interface KeyFacts {
  /**
   * The classes of TRL and transformers that have the key: `DPOConfig` if the name is the same there, else with the
   * other name, as in `GRPOConfig.max_completion_length`.
   */
  hf?: readonly string[];
  /**
   * Whether a run that goes on may use another value: the key changes how far or how fast it goes, what it logs, keeps or
   * measures, and not what it computes.
   */
  mayDiffer?: true;
  /** The judges that use the key; all if absent. */
  of?: readonly JudgeKind[];
  /** Whether those judges need it. */
  needed?: true;
  /** The default for those judges, or with a server, if the key is not set; otherwise the key stays absent. */
  filledIn?: string | number;
}

const facts = z.registry<KeyFacts>();

/** A key of this type; `text` describes it, subject first. */
export function key<T extends z.ZodType>(type: T, text: string, known: KeyFacts = {}): T {
  const { filledIn } = known;
  // To the user it is a default, so editors show it as one.
  const described = type.meta({ description: text, ...(filledIn !== undefined && { default: filledIn }) });
  facts.add(described, known);
  return described;
}

/** A key's description. */
export function textOf(schema: z.core.$ZodType): string {
  return z.globalRegistry.get(schema)?.description ?? "";
}

/** The further facts about a key. */
export function factsOf(schema: z.core.$ZodType): KeyFacts {
  return facts.get(schema) ?? {};
}

const typeNames = z.registry<{ name: string }>();

/** Gives a schema the text of its type in key_types.ts, such as `LossType`. */
export function named<T extends z.ZodType>(name: string, type: T): T {
  typeNames.add(type, { name });
  return type;
}

/** The text of a schema's type in key_types.ts; undefined if it was given none. */
export function typeNameOf(schema: z.core.$ZodType): string | undefined {
  return typeNames.get(schema)?.name;
}

/** A single value, or a list with one entry per iteration. */
export function perIteration<T extends z.ZodType>(item: T): z.ZodUnion<[T, z.ZodArray<T>]> {
  return z.union([item, z.array(item).min(1)]);
}

/** Text that is not empty: a path, a name or an address. */
export const text: z.ZodString = z.string().min(1);

/** A count from 1 on. */
export const count: z.ZodInt = z.int().min(1);

/** A seed: Philox's keys have 32 bits. */
export const seed: z.ZodInt = z.int().min(0).max(2 ** 32 - 1);
