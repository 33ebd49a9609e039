/** Loading a command's module when it runs. @module */

/** The modules of commands/, by the commands' names. */
interface CommandModules {
  chat: typeof import("./commands/chat_command.ts");
  compare: typeof import("./commands/compare_command.ts");
  completions: typeof import("./commands/completions_command.ts");
  config: typeof import("./commands/config_command.ts");
  data: typeof import("./commands/data_command.ts");
  doctor: typeof import("./commands/doctor_command.ts");
  evaluate: typeof import("./commands/evaluate_command.ts");
  export: typeof import("./commands/export_command.ts");
  export_model: typeof import("./commands/export_model_command.ts");
  generate: typeof import("./commands/generate_command.ts");
  import_config: typeof import("./commands/import_config_command.ts");
  init: typeof import("./commands/init_command.ts");
  label: typeof import("./commands/label_command.ts");
  merge: typeof import("./commands/merge_command.ts");
  mt_bench: typeof import("./commands/mt_bench_command.ts");
  on_ranks: typeof import("./commands/on_ranks_command.ts");
  optimize: typeof import("./commands/optimize_command.ts");
  plan: typeof import("./commands/plan_command.ts");
  push: typeof import("./commands/push_command.ts");
  ranks_doctor: typeof import("./commands/ranks_doctor_command.ts");
  ranks_evaluate: typeof import("./commands/ranks_evaluate_command.ts");
  report: typeof import("./commands/report_command.ts");
  runs: typeof import("./commands/runs_command.ts");
  score: typeof import("./commands/score_command.ts");
  sft: typeof import("./commands/sft_command.ts");
  sweep: typeof import("./commands/sweep_command.ts");
  train: typeof import("./commands/train_command.ts");
  tune: typeof import("./commands/tune_command.ts");
  watch: typeof import("./commands/watch_command.ts");
}

/**
 * Imports the module of a command. The path is built at run time, because Deno reads every module whose path it finds in
 * an import, also one that is imported later: the help would wait for 300 of them.
 *
 * @throws {Deno.errors.NotCapable} If the program's own folder may not be read.
 */
export async function loadCommand<Name extends keyof CommandModules>(name: Name): Promise<CommandModules[Name]> {
  try {
    return await import(new URL(`./commands/${name}_command.ts`, import.meta.url).href);
  } catch (error) {
    // An import that lacks a permission fails with a TypeError, where a read fails with a class of its own.
    const missing = error instanceof TypeError && /^Requires \w+ access to .*/.exec(error.message)?.[0];
    throw missing ? new Deno.errors.NotCapable(`Cannot load the command "${name}": ${missing}`) : error;
  }
}
