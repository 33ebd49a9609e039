import { deepEqual, equal, throws } from "node:assert/strict";
import { findTasks, taskNames } from "../../../core/benchmark/find_tasks.ts";
import { dataFolders, splitSource } from "../../../core/benchmark/task_data.ts";
import { splitsOf } from "../../../core/benchmark/task_config.ts";
import { numFewShotOf } from "../../../core/benchmark/benchmark_task.ts";
import { taskConfig } from "./_tasks.ts";

const names = (text: string | string[]): string[] => findTasks(text).tasks.map(({ task }) => task);

Deno.test("tasks are found by names, groups and wildcards, each once", () => {
  deepEqual(names("arc_easy, piqa"), ["arc_easy", "piqa"]);
  deepEqual(names(["arc_*", "arc_easy"]), ["arc_challenge", "arc_easy"]);
  deepEqual(names("ai2_arc"), ["arc_challenge", "arc_easy"]);
  equal(names("mmlu").length, 57);
  equal(names("mmlu_stem").length, 19);
  equal(names("mmlu_high_school_*").length, 14);
  deepEqual(findTasks("mmlu").groups.map(({ name }) => name), [
    ...["mmlu", "mmlu_stem", "mmlu_other", "mmlu_social_sciences", "mmlu_humanities"],
  ]);
  equal(taskNames().tasks.length, 69);
});

Deno.test("openllm has its six tasks with their examples", () => {
  const { tasks, groups } = findTasks("openllm");
  const shots = Object.fromEntries(tasks.map((task) => [task.task, [task.num_fewshot, task.fewshot_split]]));
  equal(tasks.length, 62);
  deepEqual(shots.arc_challenge, [25, "train"]);
  deepEqual(shots.hellaswag, [10, "train"]);
  deepEqual(shots.winogrande, [5, "train"]);
  deepEqual(shots.mmlu_virology, [5, "dev"]);
  deepEqual(shots.truthfulqa_mc2, [0, undefined]);
  deepEqual(shots.gsm8k, [5, "train"]);
  equal(groups[0]!.leaves.length, 62);
  deepEqual(groups[0]!.metrics, []);
  throws(() => findTasks("openllm,hellaswag"), {
    name: "UserError",
    message:
      "Cannot use the tasks: hellaswag is asked for twice, with different numbers or splits of examples, expected " +
      "one of the groups or tasks that hold it",
  });
});

Deno.test("an unknown name is told with the nearest ones", () => {
  const message = (name: string): string => {
    try {
      findTasks(name);
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };
  equal(
    message("hellaswog"),
    'Cannot find the task "hellaswog": there is none of that name, expected one such as hellaswag',
  );
  equal(message("truthfulqa").includes("truthfulqa_mc1, truthfulqa_mc2"), true);
  equal(
    message("zz*").startsWith('Cannot find the task "zz*": no task has such a name, expected one of openllm, mmlu'),
    true,
  );
  equal(
    message("[z-a]*"),
    'Cannot use the pattern "[z-a]*": it is broken, expected ranges such as [a-z] and every { closed',
  );
  equal(message(" , "), "Cannot evaluate: no task is named, expected one or more (dnpo evaluate --list shows them)");
});

Deno.test("a task of one's own takes precedence", () => {
  const own = { ...taskConfig("piqa"), num_fewshot: 3 };
  equal(findTasks("piqa", [own]).tasks[0]!.num_fewshot, 3);
  equal(findTasks("pi*,colours", [{ ...own, task: "colours" }]).tasks.length, 2);
});

Deno.test("a task says which splits it reads, and where they are", () => {
  deepEqual(splitsOf(taskConfig("arc_easy")), { evaluated: "test", pool: "train" });
  deepEqual(splitsOf(taskConfig("hellaswag")), { evaluated: "validation", pool: "train" });
  deepEqual(splitsOf(taskConfig("mmlu_virology")), { evaluated: "test", pool: "dev" });
  deepEqual(splitsOf(taskConfig("truthfulqa_mc1")), { evaluated: "validation", pool: "validation" });
  deepEqual(splitSource(taskConfig("arc_easy"), "test"), { name: "allenai/ai2_arc:ARC-Easy/test" });
  deepEqual(splitSource(taskConfig("hellaswag"), "train"), { name: "Rowan/hellaswag/train" });
  deepEqual(dataFolders(taskConfig("winogrande")), ["winogrande/winogrande_xl", "winogrande"]);
  const own = { ...taskConfig("piqa"), dataset_path: "json", dataset_kwargs: { data_files: "a.jsonl" } };
  deepEqual(splitSource(own, "train"), { files: ["a.jsonl"] });
  throws(() => splitSource(own, "validation"), {
    name: "UserError",
    message: "Cannot find the split validation of the task piqa: dataset_kwargs.data_files has train",
  });
});

Deno.test("the number of examples is what is asked, but for a task that has none", () => {
  deepEqual([numFewShotOf(taskConfig("gsm8k")), numFewShotOf(taskConfig("gsm8k"), 0)], [5, 0]);
  deepEqual([numFewShotOf(taskConfig("piqa")), numFewShotOf(taskConfig("piqa"), 3)], [0, 3]);
  equal(numFewShotOf(taskConfig("truthfulqa_mc2"), 3), 0);
});
