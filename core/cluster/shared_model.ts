/** A frozen model that all ranks of a job load. @module */
import type { Crew } from "./crew.ts";

/** Where the other ranks find a model, and how they load it. */
export interface ModelPlace {
  /** Its folder or GGUF file. */
  readonly dir: string;
  /** The SHA-256 of its files, by their names. */
  readonly files: Readonly<Record<string, string>>;
  /** The config's key of this name. */
  readonly quantization: string;
}

/** What makes a model of the first rank one that the others work with too. */
export interface SharedModel {
  readonly crew: Crew;
  readonly place: ModelPlace;
}
