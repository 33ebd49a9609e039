/** `dnpo data`. @module */
import { loadConfig } from "../../core/config/config.ts";
import { UserError } from "../../core/error.ts";
import { previewData } from "../../core/plan/data_preview.ts";
import { describeData } from "../data_text.ts";
import { print, sayJson } from "../print.ts";
import { Progress } from "../progress_line.ts";
import { showsColors } from "../terminal_kind.ts";
import { outputColumns } from "../text_table.ts";
import { withConfigPaths } from "./_quickstart.ts";

/** The arguments of `dnpo data`. */
export interface DataFlags {
  /** Config file; undefined for the embedded quick start. */
  config: string | undefined;
  /** `key=value` overrides in the order given. */
  set: string[];
  /** How many rows are shown token by token, as typed; undefined for three. */
  rows: string | undefined;
  /** Whether the preview is printed as JSON. */
  json: boolean;
}

/** Prints what a config's run will see of its data. */
export async function data(options: DataFlags): Promise<number> {
  const { rows, json } = options;
  if (rows !== undefined && !/^\d{1,6}$/.test(rows)) {
    throw new UserError(`--rows: expected a number from 0 on, got ${JSON.stringify(rows)}`);
  }
  const { config: path, set } = withConfigPaths(options);
  const config = await loadConfig(path, { set });
  const progress = new Progress();
  try {
    const preview = await previewData(config, {
      samples: rows === undefined ? 3 : Number(rows),
      onProgress: (event) => progress.update(event),
    });
    progress.finish();
    if (json) sayJson(preview);
    else {
      const isStyled = showsColors(Deno.stdout);
      // It has colours of its own, and what it shows of data is made safe there.
      print(Deno.stdout)(`${describeData(preview, { isStyled, columns: outputColumns() })}\n`);
    }
    return 0;
  } finally {
    progress.finish();
  }
}
