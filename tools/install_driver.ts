/** Installs a Vulkan driver for the CPU (Mesa's lavapipe) if it may, otherwise says what to run. @module */

const PACKAGE = "mesa-vulkan-drivers";
const ENV = { DEBIAN_FRONTEND: "noninteractive" };

/** What decides whether and how a driver can be installed. */
export interface Machine {
  /** `Deno.build.os`. */
  os: string;
  /** Text of /etc/os-release, empty if there is none. */
  release: string;
  /** Whether this process runs as root. */
  root: boolean;
  /** Whether `sudo -n` works, which asks for no password. */
  sudo: boolean;
}

/** The commands that install a driver, each an argument list; or advice in words, if this program may not run them. */
export type Plan = { commands: string[][] } | { advice: string };

/** Decides how `machine` gets a Vulkan driver. */
export function planInstall(machine: Machine): Plan {
  if (machine.os !== "linux") return { advice: `Update the graphics driver: WebGPU needs ${nativeApi(machine.os)}` };
  const ids = [...machine.release.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap((match) => match[1]!.split(" "));
  const has = (...names: string[]): boolean => names.some((name) => ids.includes(name));
  if (has("debian", "ubuntu")) {
    const update = ["apt-get", "update"];
    const install = ["apt-get", "install", "-y", "--no-install-recommends", PACKAGE];
    if (machine.root) return { commands: [update, install] };
    if (machine.sudo) {
      const env = Object.entries(ENV).map(([key, value]) => `${key}=${value}`);
      return { commands: [["sudo", "-n", ...update], ["sudo", "-n", "env", ...env, ...install]] };
    }
    return { advice: `Run: sudo ${update.join(" ")} && sudo ${install.join(" ")}` };
  }
  const sudo = machine.root ? "" : "sudo ";
  if (has("fedora", "rhel")) return { advice: `Run: ${sudo}dnf install -y ${PACKAGE} vulkan-loader` };
  if (has("arch")) return { advice: `Run: ${sudo}pacman -S --needed vulkan-swrast vulkan-icd-loader` };
  return { advice: `Install the GPU's Vulkan driver, or Mesa's for the CPU (lavapipe; Debian's ${PACKAGE})` };
}

function nativeApi(os: string): string {
  if (os === "darwin") return "Metal";
  return os === "windows" ? "DirectX 12 or Vulkan" : "Vulkan";
}

async function inspectMachine(): Promise<Machine> {
  const os = Deno.build.os;
  if (os !== "linux") return { os, release: "", root: false, sudo: false };
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  const root = Deno.uid() === 0;
  const sudo = !root && await runs(["sudo", "-n", "true"]) === null;
  return { os, release, root, sudo };
}

/** Runs a command. Returns null if it succeeds, otherwise the end of what it printed. */
async function runs([name, ...args]: string[]): Promise<string | null> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(name!, { args, env: ENV, stdin: "null" }).output();
    if (success) return null;
    const lines = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n").trim().split("\n");
    return lines.slice(-8).join("\n");
  } catch (error) {
    return String(error);
  }
}

async function main(): Promise<number> {
  const plan = planInstall(await inspectMachine());
  if ("advice" in plan) {
    console.error(`${plan.advice}\nThen give the same command again`);
    return 1;
  }
  console.error("Installing Mesa's Vulkan driver for the CPU:");
  const start = performance.now();
  let failure: string | null = null;
  for (const command of plan.commands) {
    console.error(`  ${command.join(" ")}`);
    // Installing is tried even if the package list cannot be refreshed: the last command decides.
    failure = await runs(command);
    if (failure !== null) console.error(failure);
  }
  if (failure !== null) return 1;
  console.error(`Installed in ${((performance.now() - start) / 1000).toFixed(0)} s`);
  return 0;
}

if (import.meta.main) Deno.exit(await main());
