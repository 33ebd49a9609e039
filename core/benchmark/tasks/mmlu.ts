/** MMLU's 57 subjects and their groups, as lm-eval 0.4.13 asks them (`lm_eval/tasks/mmlu/default`). @module */
import { JsonFloat } from "../../data/formats/json_numbers.ts";
import type { TaskConfig } from "../task_config.ts";
import type { TaskGroup } from "../task_groups.ts";
import { ACCURACY } from "./task_parts.ts";

/** The subjects by group, in the order in which lm-eval has both. */
const SUBJECTS: Readonly<Record<string, readonly string[]>> = {
  stem: (
    "abstract_algebra anatomy astronomy college_biology college_chemistry college_computer_science " +
    "college_mathematics college_physics computer_security conceptual_physics electrical_engineering " +
    "elementary_mathematics high_school_biology high_school_chemistry high_school_computer_science " +
    "high_school_mathematics high_school_physics high_school_statistics machine_learning"
  ).split(" "),
  other: (
    "business_ethics clinical_knowledge college_medicine global_facts human_aging management " +
    "marketing medical_genetics miscellaneous nutrition professional_accounting professional_medicine " +
    "virology"
  ).split(" "),
  social_sciences: (
    "econometrics high_school_geography high_school_government_and_politics " +
    "high_school_macroeconomics high_school_microeconomics high_school_psychology human_sexuality " +
    "professional_psychology public_relations security_studies sociology us_foreign_policy"
  ).split(" "),
  humanities: (
    "formal_logic high_school_european_history high_school_us_history high_school_world_history " +
    "international_law jurisprudence logical_fallacies moral_disputes moral_scenarios philosophy " +
    "prehistory professional_law world_religions"
  ).split(" "),
};

function subjectTask(subject: string): TaskConfig {
  return {
    task: `mmlu_${subject}`,
    task_alias: subject,
    dataset_path: "cais/mmlu",
    dataset_name: subject,
    test_split: "test",
    fewshot_split: "dev",
    doc_to_text:
      "{{question.strip()}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:",
    doc_to_target: "answer",
    doc_to_choice: ["A", "B", "C", "D"],
    description: `The following are multiple choice questions (with answers) about ${
      subject.replaceAll("_", " ")
    }.\n\n`,
    fewshot_config: { sampler: "first_n" },
    metric_list: ACCURACY,
    output_type: "multiple_choice",
    metadata: { version: new JsonFloat("1.0") },
  };
}

const WEIGHTED = { aggregate_metric_list: [{ metric: "acc", weight_by_size: true }], version: 2 };

/** A task for each subject. */
export const MMLU_TASKS: readonly TaskConfig[] = Object.values(SUBJECTS).flat().map(subjectTask);

/** MMLU and its four parts. */
export const MMLU_GROUPS: readonly TaskGroup[] = [
  { group: "mmlu", members: Object.keys(SUBJECTS).map((part) => ({ name: `mmlu_${part}` })), ...WEIGHTED },
  ...Object.entries(SUBJECTS).map(([part, subjects]): TaskGroup => ({
    group: `mmlu_${part}`,
    group_alias: part.replaceAll("_", " "),
    members: subjects.map((subject) => ({ name: `mmlu_${subject}` })),
    ...WEIGHTED,
  })),
];
