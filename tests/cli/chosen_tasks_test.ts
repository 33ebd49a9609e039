import { deepEqual, rejects } from "node:assert/strict";
import { chosenTasks, type TaskWords } from "../../cli/chosen_tasks.ts";
import { withFolder } from "../_shared/dnpo.ts";

const task = (name: string): string =>
  `task: ${name}\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\n` +
  `output_type: multiple_choice\ndoc_to_text: "{{q}}"\ndoc_to_choice: choices\ndoc_to_target: gold\n`;

const read = (words: Partial<TaskWords>) => chosenTasks({ tasks: undefined, taskFiles: [], textFiles: [], ...words });

Deno.test("chosenTasks() takes YAML files among the names, and files alone for their tasks", () =>
  withFolder(async (dir) => {
    const [a, b] = [`${dir}/first.yaml`, `${dir}/b.yml`];
    await Deno.writeTextFile(a, task("one"));
    await Deno.writeTextFile(b, task("two"));
    deepEqual(await read({ tasks: `piqa, ${a}` }), { tasks: "piqa,one", taskFiles: [a] });
    deepEqual(await read({ taskFiles: [b, a] }), { tasks: "two,one", taskFiles: [b, a] });
    deepEqual(await read({ tasks: `${a},two`, taskFiles: [a, b] }), { tasks: "one,two", taskFiles: [a, b] });
    deepEqual(await read({ textFiles: ["x.txt"] }), { tasks: "perplexity", taskFiles: [] });
    deepEqual(await read({ tasks: "t*", taskFiles: [b] }), { tasks: "t*", taskFiles: [b] });
  }));

Deno.test("chosenTasks() refuses files that would go unused, and two files with one task", () =>
  withFolder(async (dir) => {
    const [a, b] = [`${dir}/a.yaml`, `${dir}/b.yaml`];
    await Deno.writeTextFile(a, task("one"));
    await Deno.writeTextFile(b, task("one"));
    for (
      const [words, says] of [
        [{}, "Cannot evaluate: no task is named, expected one or more"],
        [
          { tasks: "piqa", taskFiles: [a] },
          `Cannot evaluate: --tasks does not name one, the task of ${a}, expected it there too`,
        ],
        [
          { tasks: "piqa", textFiles: ["x.txt"] },
          "Cannot evaluate: --text is given, and --tasks does not name perplexity, which reads it; expected it there",
        ],
        [
          { taskFiles: [a, b] },
          `Cannot evaluate: ${a} and ${b} both hold a task one, expected tasks of different names`,
        ],
      ] as const
    ) await rejects(read(words), { name: "UserError", message: says });
  }));
