/** A config in the making: settings with where they come from, and what is to be told of them. @module */
import { Document, isNode } from "yaml";
import { escapeUnsafe, safeLine } from "../../safe_text.ts";
import { isMapping, type Mapping, show } from "../yaml_source.ts";
import { documentText } from "../write_config.ts";

/** Something to be told of a key: that it means something else here, or that it has no counterpart. */
export interface ImportNote {
  /** Whether the key means something else here, or was left out. */
  kind: "differs" | "missing";
  /** The key of the other program. */
  key: string;
  /** What there is here instead, or why there is nothing. */
  text: string;
}

/** What a setting may have beside its value. */
interface Remark {
  /** Told at the end of the setting's line. */
  remark?: string;
}

/** The order of sections and keys in the text: that of the config's reference, as far as an import sets them. */
const SECTIONS = ["model", "output_dir", "method", "dtype", "quantization", "data", "training", "lora"];

/** The settings and the notes. */
export class ConfigDraft {
  readonly settings: Mapping = Object.create(null);
  readonly notes: ImportNote[] = [];
  /** A chat template that stands in the config itself, for `templateFile`; null if there is none. */
  template: string | null = null;
  readonly #templateFile: string | null;
  readonly #remarks: { path: string[]; text: string }[] = [];

  /** `templateFile` is the file that a chat template would be written into; null if none can be. */
  constructor(templateFile: string | null = null) {
    this.#templateFile = templateFile;
  }

  /** Sets a key by its dotted path. Undefined values are left out. */
  set(path: string, value: unknown, { remark }: Remark = {}): void {
    if (value === undefined) return;
    const steps = path.split(".");
    let at = this.settings;
    for (const step of steps.slice(0, -1)) at = (at[step] ??= Object.create(null)) as Mapping;
    at[steps.at(-1)!] = value;
    if (remark !== undefined) this.#remarks.push({ path: steps, text: remark });
  }

  /** Sets a key to the value that the other program has, or to its default, which is told. */
  setOr(path: string, value: unknown, { fallback, program }: { fallback: unknown; program: string }): void {
    if (value === undefined) this.set(path, fallback, { remark: `default of ${program}` });
    else this.set(path, value);
  }

  /** Sets the chat template to one that stands in the config itself; here it is a file. */
  setTemplate(key: string, text: string): void {
    if (this.#templateFile === null) {
      this.missing(
        key,
        "here it is a file: -o writes one, or name one in data.chat_template; else the tokenizer's is used",
      );
    } else {
      this.template = text;
      this.set("data.chat_template", this.#templateFile);
    }
  }

  /** Tells that a key, which is kept in some way, means something else here. */
  differs(key: string, text: string): void {
    this.notes.push({ kind: "differs", key, text });
  }

  /** Tells that a key was left out. */
  missing(key: string, text: string): void {
    this.notes.push({ kind: "missing", key, text });
  }

  /** The config as YAML, with `opening` and the notes as comments before it. */
  text(opening: readonly string[]): string {
    const ordered = Object.fromEntries(
      [...SECTIONS, ...Object.keys(this.settings)].filter((key) => Object.hasOwn(this.settings, key))
        .map((key) => [key, this.settings[key]]),
    );
    const document = new Document(ordered, { aliasDuplicateObjects: false });
    for (const { path, text } of this.#remarks) {
      const node = document.getIn(path, true);
      if (isNode(node)) node.comment = ` ${safeLine(text)}`;
    }
    const notes = (kind: ImportNote["kind"], title: string): string[] => {
      const told = this.notes.filter((note) => note.kind === kind);
      return told.length === 0 ? [] : ["", title, ...told.map(({ key, text }) => `  ${key}: ${text}`)];
    };
    const comments = [
      ...opening,
      ...notes("differs", "Means something else here:"),
      ...notes("missing", "Left out:"),
    ].map((line) => line === "" ? "#" : `# ${safeLine(line)}`);
    return `${comments.join("\n")}\n\n${escapeUnsafe(documentText(document))}`;
  }
}

/** A value for a note, short and in one line. */
export function shown(value: unknown): string {
  return Array.isArray(value) && value.every((item) => typeof item !== "object")
    ? `[${value.map(show).join(", ")}]`
    : isMapping(value)
    ? "a mapping"
    : show(value);
}
