/** How a key of the config is written down: what it holds, what is said of it, and what else is known of it. @module */
import { z } from "zod";
import type { JudgeKind } from "../choices.ts";

/** What is known of a key besides what it holds and its text. */
export interface KeyFacts {
  /**
   * The classes of TRL and transformers that have the key: `DPOConfig` where the name is the same, else with its name
   * there, as in `GRPOConfig.max_completion_length`.
   */
  hf?: readonly string[];
  /** Whether a run that goes on may have another value: the key changes how far or how fast it goes, not its result. */
  mayDiffer?: true;
  /** The judges that have the key; all of them where absent. */
  of?: readonly JudgeKind[];
  /** Whether those judges cannot do without it. */
  needed?: true;
  /** What is filled in where the key is used and not set, by those judges or with a server; elsewhere it is absent. */
  filledIn?: string | number;
}

const facts = z.registry<KeyFacts>();

/** A key that holds `type`; `text` says what it is, the subject first. */
export function key<T extends z.ZodType>(type: T, text: string, known: KeyFacts = {}): T {
  const { filledIn } = known;
  // Editors are shown what is filled in as the default that it is to the user.
  const described = type.meta({ description: text, ...(filledIn !== undefined && { default: filledIn }) });
  facts.add(described, known);
  return described;
}

/** What a key is. */
export function textOf(schema: z.core.$ZodType): string {
  return z.globalRegistry.get(schema)?.description ?? "";
}

/** What else is known of a key. */
export function factsOf(schema: z.core.$ZodType): KeyFacts {
  return facts.get(schema) ?? {};
}

const typeNames = z.registry<{ name: string }>();

/** Gives what a key holds the name that config_types.ts has for it. */
export function named<T extends z.ZodType>(name: string, type: T): T {
  typeNames.add(type, { name });
  return type;
}

/** The name in config_types.ts of what a key holds; undefined where it has none. */
export function typeNameOf(schema: z.core.$ZodType): string | undefined {
  return typeNames.get(schema)?.name;
}

/** Something once, or a list with one entry per iteration. */
export function perIteration<T extends z.ZodType>(item: T): z.ZodUnion<[T, z.ZodArray<T>]> {
  return z.union([item, z.array(item).min(1)]);
}

/** Text that is not empty: a path, a name or an address. */
export const text: z.ZodString = z.string().min(1);

/** A count from 1 on. */
export const count: z.ZodInt = z.int().min(1);

/** A seed: Philox's keys have 32 bits. */
export const seed: z.ZodInt = z.int().min(0).max(2 ** 32 - 1);
