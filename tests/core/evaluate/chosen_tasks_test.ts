import { deepEqual, rejects } from "node:assert/strict";
import { chosenTasks, type TaskWords } from "../../../core/evaluate/chosen_tasks.ts";
import { withFolder } from "../../_shared/dnpo.ts";

const task = (name: string): string =>
  `task: ${name}\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\n` +
  `output_type: multiple_choice\ndoc_to_text: "{{q}}"\ndoc_to_choice: choices\ndoc_to_target: gold\n`;

/** Names, and the names of one's own tasks. */
const read = async (words: TaskWords): Promise<[string, ...string[]]> => {
  const { tasks, own } = await chosenTasks(words);
  return [tasks, ...own.map(({ task }) => task)];
};

Deno.test("chosenTasks() takes YAML files among the names, and files alone for their tasks", () =>
  withFolder(async (dir) => {
    const [a, b] = [`${dir}/first.yaml`, `${dir}/b.yml`];
    await Deno.writeTextFile(a, task("one"));
    await Deno.writeTextFile(b, task("two"));
    deepEqual(await read({ tasks: `piqa, ${a}` }), ["piqa,one", "one"]);
    deepEqual(await read({ taskFiles: [b, a] }), ["two,one", "two", "one"]);
    deepEqual(await read({ tasks: `${a},two`, taskFiles: [a, b] }), ["one,two", "one", "two"]);
    deepEqual(await read({ textFiles: ["x.txt"] }), ["perplexity", "perplexity"]);
    deepEqual(await read({ tasks: "t*", taskFiles: [b] }), ["t*", "two"]);
  }));

Deno.test("chosenTasks() refuses files that would go unused, and two files with one task", () =>
  withFolder(async (dir) => {
    const [a, b] = [`${dir}/a.yaml`, `${dir}/b.yaml`];
    await Deno.writeTextFile(a, task("one"));
    await Deno.writeTextFile(b, task("one"));
    for (
      const [words, says] of [
        [{}, "Cannot evaluate: no task is named, expected --tasks with one or more (dnpo evaluate --list shows them)"],
        [
          { tasks: ",", called: { tasks: "evaluate.tasks", text: "evaluate.text" } },
          "Cannot evaluate: no task is named, expected evaluate.tasks with one or more (dnpo evaluate --list shows them)",
        ],
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
    for (const name of ["gsm8k", "mmlu"]) {
      await Deno.writeTextFile(b, task(name));
      await rejects(read({ taskFiles: [b] }), {
        name: "UserError",
        message: `Cannot evaluate the task of ${b}: it is called ${name} as a task that is there already, expected ` +
          "another name",
      });
    }
    await rejects(read({ tasks: "perplexity" }), {
      message: "Cannot evaluate perplexity: no text is named, expected --text FILE",
    });
  }));
