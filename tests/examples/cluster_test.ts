import { deepEqual, equal, match, ok } from "node:assert/strict";
import { parse } from "yaml";
import { z } from "zod";
import { commands } from "../../cli/command_table.ts";
import { parseCommandLine } from "../../cli/program.ts";
import denoConfig from "../../deno.json" with { type: "json" };
import { wordsOf } from "../../tests/docs/_pages.ts";

const FOLDER = new URL("../../examples/cluster/", import.meta.url);
const textOf = (name: string): Promise<string> => Deno.readTextFile(new URL(name, FOLDER));

/** The words after `deno task … dnpo:mpi`. Throws an AssertionError where they are no command of dnpo's with ranks. */
function checkCommand(words: readonly string[], where: string): void {
  const at = words.indexOf("dnpo:mpi");
  ok(at > 0 && words.slice(0, at).join(" ").includes("deno task -q"), `${where}: ${words.join(" ")}`);
  ok("dnpo:mpi" in denoConfig.tasks);
  const mistakes: string[] = [];
  const parsed = parseCommandLine(["--mpi", ...words.slice(at + 1)], commands, {
    version: "1",
    writeErr: (text) => void mistakes.push(text),
  });
  deepEqual(mistakes, [], where);
  equal(typeof parsed, "function", where);
  const entry = commands.find(({ name }) => name === words[at + 1]);
  equal(typeof entry!.runOnRanks, "function", `${where}: ${entry!.name} works on several ranks`);
}

/** A script's commands with `dnpo:mpi`, and those that its comments tell to give. */
function commandsOf(script: string): string[][] {
  const joined = script.replaceAll("\\\n", " ");
  const asked = [...joined.matchAll(/^#.*(?:two_hosts\.sh|slurm\.sbatch) ((?:doctor|train).*)$/gm)].map(([, args]) =>
    args!.replaceAll(/[[\]…]/g, "")
  );
  ok(asked.length > 0);
  const lines = joined.split("\n").filter((line) => !line.startsWith("#") && line.includes("dnpo:mpi"));
  equal(lines.length, 1);
  return asked.map((args) =>
    [...lines[0]!.replace(/ \|\|.*/, "").replace('"$@"', args).matchAll(/"[^"]*"|\S+/g)].map(String)
  );
}

Deno.test("the scripts' commands are ones that dnpo reads", async () => {
  for (const name of ["two_hosts.sh", "slurm.sbatch"]) {
    for (const words of commandsOf(await textOf(name))) checkCommand(words, name);
  }
  const [shown] = /^mpirun .*$/m.exec(await textOf("README.md"))!;
  checkCommand(wordsOf(shown), "README.md");
});

/** Options of sbatch that the script may take, with what they take. */
const SBATCH: Readonly<Record<string, RegExp>> = {
  "job-name": /^\S+$/,
  nodes: /^\d+$/,
  "ntasks-per-node": /^\d+$/,
  "gpus-per-task": /^\d+$/,
  "cpus-per-task": /^\d+$/,
  time: /^\d+:\d\d:\d\d$/,
  requeue: /^$/,
  "open-mode": /^append$/,
  output: /^\S+%j\S*$/,
};

Deno.test("the Slurm script's options are sbatch's, before its first command, for a power of two of ranks with a GPU each", async () => {
  const lines = (await textOf("slurm.sbatch")).split("\n");
  const first = lines.findIndex((line) => line !== "" && !line.startsWith("#"));
  const options = new Map<string, string>();
  lines.forEach((line, i) => {
    const [, name, value = ""] = /^#SBATCH --([^=]+)(?:=(.*))?$/.exec(line) ?? [];
    if (!line.startsWith("#SBATCH")) return;
    ok(i < first, line);
    match(value, SBATCH[name!] ?? /^(?!)/, line);
    options.set(name!, value);
  });
  deepEqual([...options.keys()].sort(), Object.keys(SBATCH).sort());
  equal(Math.log2(Number(options.get("nodes")) * Number(options.get("ntasks-per-node"))) % 1, 0);
});

/** As much of a pod's containers and volumes as is used here; a field with another name is refused. */
const limits = z.partialRecord(z.enum(["cpu", "memory", "nvidia.com/gpu"]), z.string());
const template = z.strictObject({
  spec: z.strictObject({
    containers: z.array(z.strictObject({
      name: z.string(),
      image: z.string(),
      securityContext: z.strictObject({ runAsUser: z.int() }),
      workingDir: z.string().optional(),
      command: z.array(z.string()),
      args: z.array(z.string()),
      readinessProbe: z.strictObject({ tcpSocket: z.strictObject({ port: z.int() }) }).optional(),
      resources: z.strictObject({ limits }),
      volumeMounts: z.array(z.strictObject({ name: z.string(), mountPath: z.string().startsWith("/") })),
    })).length(1),
    volumes: z.array(z.strictObject({
      name: z.string(),
      persistentVolumeClaim: z.strictObject({ claimName: z.string() }),
    })),
  }),
});
const replica = z.strictObject({
  replicas: z.int().min(1),
  restartPolicy: z.enum(["Always", "OnFailure", "Never", "ExitCode"]).optional(),
  template,
});

/** The fields of an MPIJob of kubeflow.org/v2beta1, as its operator's types and documentation name them. */
const mpiJob = z.strictObject({
  apiVersion: z.literal("kubeflow.org/v2beta1"),
  kind: z.literal("MPIJob"),
  metadata: z.strictObject({ name: z.string().regex(/^[a-z0-9-]+$/), namespace: z.string().optional() }),
  spec: z.strictObject({
    slotsPerWorker: z.int().min(1).default(1),
    runLauncherAsWorker: z.boolean().default(false),
    launcherCreationPolicy: z.enum(["AtStartup", "WaitForWorkersReady"]).default("AtStartup"),
    mpiImplementation: z.enum(["OpenMPI", "Intel", "MPICH"]).default("OpenMPI"),
    sshAuthMountPath: z.string().default("/root/.ssh"),
    runPolicy: z.strictObject({
      cleanPodPolicy: z.enum(["All", "Running", "None"]).optional(),
      ttlSecondsAfterFinished: z.int().optional(),
      activeDeadlineSeconds: z.int().min(1).optional(),
      backoffLimit: z.int().min(0).optional(),
      suspend: z.boolean().optional(),
    }),
    mpiReplicaSpecs: z.strictObject({ Launcher: replica, Worker: replica }),
  }),
});

Deno.test("the MPIJob has the fields of v2beta1, as many ranks as workers, and what its image has", async () => {
  const { spec } = mpiJob.parse(parse(await textOf("mpijob.yaml")));
  const { Launcher, Worker } = spec.mpiReplicaSpecs;
  const [launcher, worker] = [Launcher, Worker].map(({ template }) => template.spec.containers[0]!);
  const words = [...launcher!.command, ...launcher!.args];
  checkCommand(words, "mpijob.yaml");
  const ranks = Number(words[words.indexOf("-n") + 1]);
  equal(ranks, Worker.replicas * spec.slotsPerWorker);
  equal(Math.log2(ranks) % 1, 0);
  equal(Number(worker!.resources.limits["nvidia.com/gpu"]), spec.slotsPerWorker);
  for (const { template } of [Launcher, Worker]) {
    const names = template.spec.volumes.map(({ name }) => name);
    for (const { name } of template.spec.containers[0]!.volumeMounts) ok(names.includes(name), name);
  }
  equal(launcher!.image, worker!.image);

  const image = await textOf("Containerfile");
  const [, user, name] = /useradd --create-home --uid (\d+) (\w+)/.exec(image)!;
  for (const container of [launcher, worker]) equal(container!.securityContext.runAsUser, Number(user));
  equal(spec.sshAuthMountPath, `/home/${name}/.ssh`);
  const port = worker!.readinessProbe!.tcpSocket.port;
  deepEqual([...image.matchAll(/Port (\d+)/g)].map(([, one]) => Number(one)), [port, port]);
  ok(image.includes(`> ${worker!.args.at(-1)}`) && image.includes(`COPY --chown=${name} . /opt/dnpo`));
  ok(words.includes("/opt/dnpo/deno.json"));
});

Deno.test("the Containerfile is a file of instructions that builders know", async () => {
  const text = (await textOf("Containerfile")).replaceAll(/^#.*\n/gm, "").replaceAll("\\\n", " ");
  const instructions = text.split("\n").filter((line) => line !== "");
  for (const line of instructions) match(line, /^(ARG|FROM|RUN|COPY|USER|WORKDIR|ENV) \S/);
  equal(instructions.filter((line) => line.startsWith("FROM ")).length, 2);
  const [, version] = /ARG DENO=(\S+)/.exec(text)!;
  ok((await Deno.readTextFile(new URL("../../README.md", import.meta.url))).includes(version!));
});
