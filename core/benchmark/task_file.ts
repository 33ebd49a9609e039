/** A task of one's own: a YAML file with lm-eval's keys (0.4.13, `config/task.py`, its task guide). @module */
import { parseSource, readConfigText } from "../config/yaml_source.ts";
import { JsonFloat } from "../data/formats/json_numbers.ts";
import { UserError } from "../error.ts";
import type { TaskConfig } from "./task_config.ts";
import { checkTask } from "./task_file_checks.ts";

/** Reads a task. Throws a UserError that names the place of a key or a value that is wrong or not supported. */
export async function readTaskFile(file: string): Promise<TaskConfig> {
  const text = await readConfigText(file);
  refuseFunctions(file, text);
  const source = parseSource(file, text, {
    isPython: true,
    float: (_source, value) => Number.isInteger(value) ? new JsonFloat(value.toFixed(1)) : value,
  });
  checkTask(source);
  return source.values as unknown as TaskConfig;
}

/** Functions of Python are told before anything else: a tag is no error of YAML's. */
function refuseFunctions(file: string, text: string): void {
  const lines = text.split("\n");
  const line = lines.findIndex((each) => /^[^#'"]*:\s*!function\b/.test(each) || /^\s*-\s*!function\b/.test(each));
  if (line < 0) return;
  const [, key = "a value"] = /([\w-]+)\s*:\s*!function/.exec(lines[line]!) ?? [];
  const [, name = ""] = /!function\s+(\S+)/.exec(lines[line]!) ?? [];
  throw new UserError(
    `${file}:${line + 1} ${key}: it is the Python function ${name}, which is not supported, expected a template`,
  );
}
