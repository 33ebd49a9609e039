/** `dnpo import-config`. @module */
import { dirname } from "node:path";
import { type ForeignProgram, importConfig } from "../../core/config/import/import_config.ts";
import { makeFolder, writeFileAtomic } from "../../core/files/atomic.ts";
import { refuseExisting } from "../../core/files/existing_output.ts";
import { say, tell } from "../print.ts";

/** The arguments of `dnpo import-config`. */
export interface ImportConfigOptions {
  /** The other program's config. */
  file: string;
  /** File to write; undefined for standard output. */
  output: string | undefined;
  /** Whose config it is; undefined if its keys are to tell. */
  from: ForeignProgram | undefined;
  /** The command of TRL; undefined if the keys are to tell. */
  method: "dpo" | "sft" | undefined;
  /** Whether a file that is there is overwritten. */
  force: boolean;
}

/** Prints or writes the config, and says on standard error how many keys its comments name. */
export async function importForeign({ file, output, from, method, force }: ImportConfigOptions): Promise<number> {
  const templateFile = output?.replace(/(\.ya?ml|\.json)?$/, ".jinja");
  const refuseIfThere = (path: string): Promise<void> =>
    refuseExisting(path, { action: `Cannot write ${path}`, force });
  if (output !== undefined) await refuseIfThere(output);
  const { program, text, notes, template } = await importConfig(file, {
    ...(from && { from }),
    ...(method && { method }),
    ...(templateFile !== undefined && { templateFile }),
  });
  const count = (kind: "differs" | "missing"): number => notes.filter((note) => note.kind === kind).length;
  const [differs, missing] = [count("differs"), count("missing")];
  if (output === undefined) say(...text.trimEnd().split("\n"));
  else {
    if (template !== null) await refuseIfThere(templateFile!);
    await makeFolder(dirname(output));
    if (template !== null) await writeFileAtomic(templateFile!, template);
    await writeFileAtomic(output, text);
  }
  const did = output === undefined ? "Read" : `Wrote ${output} from`;
  tell(
    `${did} a config of ${program}; its comments name ${
      differs === 1 ? "1 key that means" : `${differs} keys that mean`
    } something else here and ${missing} that ${missing === 1 ? "was" : "were"} left out.`,
  );
  return 0;
}
