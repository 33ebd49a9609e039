/** The commands about the machine: names, arguments, options and help. @module */
import type { CommandEntry } from "../command_entry.ts";
import { loadCommand } from "../load_command.ts";
import { quiet } from "../options.ts";

/** `dnpo doctor`. */
export const doctor: CommandEntry = {
  name: "doctor",
  summary: "show what this machine's GPU offers, and what is missing",
  description: "Prints adapter, driver, limits, features asked for and granted, and what is missing. With --mpi it " +
    "prints the ranks of the job, and whether they can work together (docs/cluster.md).",
  options: [],
  examples: [
    ["dnpo doctor", "exit code 1 where something is missing"],
  ],
  run: async () => (await loadCommand("doctor")).doctor(),
  runOnRanks: async () => (await loadCommand("ranks_doctor")).ranksDoctor(),
};

/** `dnpo tune`. */
export const tune: CommandEntry = {
  name: "tune",
  summary: "measure kernel variants on this machine's GPU, and keep the fastest",
  description: "Measures the variants of the matrix product, prints their rates, and keeps the choice in the cache " +
    "folder, where runs that begin from now on find it. On a CPU (lavapipe) it measures with the driver's own vector " +
    "width and with 512 bits. A variant replaces the first of its kind where it is 5 % faster. Runs do this " +
    "themselves, once, unless autotune is false.",
  options: [
    {
      flags: "--vector-width <bits>",
      summary: "measure this width of lavapipe's vectors alone; kept where it is the fastest of those measured",
      choices: ["128", "256", "512"],
    },
    quiet,
  ],
  examples: [
    ["dnpo tune", "some seconds; a minute where the driver compiles the kernels first"],
    ["dnpo tune --vector-width 128", "one width more"],
  ],
  run: async (_, { vectorWidth, quiet }) => {
    const { tune } = await loadCommand("tune");
    return tune({ vectorWidth: vectorWidth === undefined ? undefined : Number(vectorWidth), quiet: quiet === true });
  },
};
