import { deepEqual, equal } from "node:assert/strict";
import { loadConfig } from "../../core/config/config.ts";
import { RunTrackers } from "../../core/run/trackers/run_trackers.ts";
import { sharedTest } from "./_shared.ts";

/** Prints each record of a run's file, by the program that W&B's package brings. */
const WANDB = `
import glob, importlib.util, os, subprocess, sys
core = os.path.join(importlib.util.find_spec("wandb").submodule_search_locations[0], "bin", "wandb-core")
[file] = glob.glob(sys.argv[1] + "/wandb/offline-run-*/run-*.wandb")
command = [core, "leet", "--no-observability", "--inspect", "--run-file", file, os.path.dirname(os.path.dirname(file))]
print(subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=60).stdout)
`;

/** Prints each run's name, state, a param, a tag and the curves, of a folder or a server. */
const MLFLOW = `
import json, os, sys
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow.tracking.client import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
found = [run for e in client.search_experiments() for run in client.search_runs([e.experiment_id])]
history = lambda run, key: [[m.step, m.value] for m in client.get_metric_history(run.info.run_id, key)]
print(json.dumps([[run.info.run_name, run.info.status, run.data.params["training.beta"], run.data.tags["dnpo.method"],
  {key: history(run, key) for key in run.data.metrics}] for run in found]))
`;

const TRACKIO = `
import json, os, sys
os.environ["TRACKIO_DIR"] = sys.argv[1] + "/trackio"
from trackio.sqlite_storage import SQLiteStorage as storage
[project] = storage.get_projects()
storage.init_db(project)
[run] = storage.get_runs(project)
print(json.dumps([run, storage.get_run_config(project, run)["method"],
  [[log["step"], log["train/loss"]] for log in storage.get_logs(project, run)]]))
`;

/** Starts a tracking server on a port, with a database in a folder, and prints a line once it answers. */
const SERVER = `
import os, signal, subprocess, sys, time, urllib.request
os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
folder, port = sys.argv[1:]
command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
  "--default-artifact-root", folder, "--host", "127.0.0.1", "--port", port, "--workers", "1"]
quiet = dict.fromkeys(["stdin", "stdout", "stderr"], subprocess.DEVNULL)
server = subprocess.Popen(command, start_new_session=True, **quiet)
try:
  for _ in range(120):
    try:
      urllib.request.urlopen(f"http://127.0.0.1:{port}/version", timeout=5)
      break
    except OSError: time.sleep(1)
  print("up", flush=True)
  sys.stdin.read()
finally:
  # It starts processes of its own, in the session that it was given.
  os.killpg(server.pid, signal.SIGKILL)
  server.wait(timeout=20)
`;

async function python(code: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command("python3", { args: ["-W", "ignore", "-c", code, ...args] });
  const { code: status, stdout, stderr } = await command.output();
  equal(status, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

/** A test that a Python package reads; it registers nothing where that is missing, as no result is no success. */
async function packageTest(name: string, title: string, run: (dir: string) => Promise<void>): Promise<void> {
  const args = ["-c", `import importlib.util, sys; sys.exit(importlib.util.find_spec("${name}") is None)`];
  const { success } = await new Deno.Command("python3", { args }).output();
  if (!success) return console.log(`${title}: NOT RUN, python3 has no module ${name}`);
  sharedTest(title, async () => {
    const dir = await Deno.makeTempDir();
    try {
      await run(dir);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

const STEPS = Array.from({ length: 300 }, (_, i): [step: number, loss: number] => [i + 1, 1 / (i + 1)]);

/** Logs 200 steps, goes on after the 100th as where a run was killed, and logs the rest of 300. */
async function logRun(dir: string, training: Record<string, unknown>): Promise<void> {
  const defaults = { model: "org/base", output_dir: dir, data: { train: "rows" }, training };
  const config = await loadConfig(undefined, { defaults });
  for (const [from, to] of [[0, 200], [100, 300]] as const) {
    const notes: string[] = [];
    const trackers = new RunTrackers(config, (note) => notes.push(note));
    await trackers.follow(async () => {
      await trackers.goOn(({ step }) => Number(step) <= from);
      for (const [step, loss] of STEPS.slice(from, to)) {
        await trackers.add({ stage: "optimize", iteration: 0, step, values: { "train/loss": loss } });
      }
    });
    deepEqual(notes, []);
  }
}

await packageTest("wandb", "W&B reads an offline run: each step once, its end, across blocks", async (dir) => {
  await logRun(dir, { report_to: "wandb", run_name: "n" });
  const text = await python(WANDB, dir);
  const losses = [...text.matchAll(/key: "train\/loss"\n *value_json: "([^"]*)"/g)].map(([, value]) => Number(value));
  // The last one is the summary's.
  deepEqual(losses, [...STEPS.map(([, loss]) => loss), 1 / 300]);
  equal(/# record \d+: exit/.test(text) && text.includes('display_name: "n"'), true);
});

await packageTest("mlflow", "MLflow reads its folder: each step once, params, tags, state", async (dir) => {
  await logRun(dir, { report_to: "mlflow", run_name: "n" });
  deepEqual(JSON.parse(await python(MLFLOW, `${dir}/mlruns`)), [
    ["n", "FINISHED", "0.1", "dnpo", { "train/loss": STEPS }],
  ]);
});

await packageTest("mlflow", "MLflow's own server takes a run: each step once, params, tags, state", async (dir) => {
  using free = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = free.addr;
  free.close();
  const args = ["-W", "ignore", "-c", SERVER, dir, String(port)];
  const server = new Deno.Command("python3", { args, stdin: "piped", stdout: "piped" }).spawn();
  try {
    const reader = server.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const url = `http://127.0.0.1:${port}`;
    await logRun(dir, { report_to: "mlflow", run_name: "n", mlflow_tracking_uri: url });
    deepEqual(JSON.parse(await python(MLFLOW, url)), [["n", "FINISHED", "0.1", "dnpo", { "train/loss": STEPS }]]);
  } finally {
    await server.stdin.close();
    await server.status;
  }
});

await packageTest("trackio", "Trackio reads its database: each step once, and the config", async (dir) => {
  await logRun(dir, { report_to: "trackio", run_name: "n" });
  deepEqual(JSON.parse(await python(TRACKIO, dir)), ["n", "dnpo", STEPS]);
});
