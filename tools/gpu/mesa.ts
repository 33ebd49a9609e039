/**
 * A Mesa of Debian's, with all that it needs down to the C library, in a folder of its own: nothing of it is installed.
 * @module
 */
import { basename, dirname, join, resolve } from "node:path";

/** A Mesa in a folder. */
export interface Mesa {
  /** The version of Debian's package. */
  readonly version: string;
  /** The folder of its libraries. */
  readonly libraries: string;
  /** The path of what tells Vulkan's loader about a driver: `lvp`, `radeon`, … */
  driverFile(name: string): string;
  /** A command that runs Deno on these libraries, with the arguments after it. */
  deno(args: readonly string[]): [program: string, args: string[]];
}

/** Debian 13: its Mesa is 25.0.7, and it changes no more but for mends. */
const SUITE = "trixie";
const PACKAGES = ["mesa-vulkan-drivers", "mesa-drm-shim", "libvulkan1"];
/** The longest that a download may take. */
const DEADLINE_MS = 20 * 60_000;
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Opens the Mesa in `folder`, where it is put first if need be. Throws an Error that says what is missing. */
export async function openMesa(folder: string): Promise<Mesa> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    throw new Error(`this is ${Deno.build.os} on ${Deno.build.arch}, expected linux on x86_64`);
  }
  const path = resolve(folder);
  const version = await Deno.readTextFile(join(path, "version")).catch(() => null) ?? await unpack(path);
  return mesaIn(join(path, "root"), version);
}

/** The Mesa whose packages are unpacked in the folder `root`. */
export function mesaIn(root: string, version: string): Mesa {
  const libraries = join(root, "usr/lib/x86_64-linux-gnu");
  return {
    version,
    libraries,
    driverFile: (name) => join(root, `usr/share/vulkan/icd.d/${name}_icd.json`),
    deno: (args) => [join(libraries, "ld-linux-x86-64.so.2"), ["--library-path", libraries, Deno.execPath(), ...args]],
  };
}

/** Downloads and unpacks; returns the version. The folder is there only when all is in it. */
async function unpack(folder: string): Promise<string> {
  const keyring = await Deno.stat(KEYRING).then(() => true, () => false);
  if (!keyring) throw new Error(`there is no ${KEYRING} (package debian-archive-keyring)`);
  const parent = dirname(folder);
  await Deno.mkdir(parent, { recursive: true });
  const made = await Deno.makeTempDir({ dir: parent, prefix: `${basename(folder)}-` });
  try {
    const version = await download(made);
    await Deno.writeTextFile(join(made, "version"), version);
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.rename(made, folder);
    return version;
  } catch (error) {
    await Deno.remove(made, { recursive: true });
    throw error;
  }
}

async function download(folder: string): Promise<string> {
  const apt = join(folder, "apt");
  for (const name of ["lists/partial", "archives/partial", "parts"]) {
    await Deno.mkdir(join(apt, name), { recursive: true });
  }
  // With no package taken for installed, apt brings all that Mesa needs.
  await Deno.writeTextFile(join(apt, "status"), "");
  await Deno.writeTextFile(
    join(apt, "sources.list"),
    `deb [arch=amd64 signed-by=${KEYRING}] ${await mirror()} ${SUITE} main\n`,
  );
  const options = [
    `Dir::Etc::sourcelist=${apt}/sources.list`,
    `Dir::Etc::sourceparts=${apt}/parts`,
    `Dir::Etc::preferencesparts=${apt}/parts`,
    `Dir::Etc::preferences=${apt}/preferences`,
    `Dir::State::lists=${apt}/lists`,
    `Dir::State::status=${apt}/status`,
    `Dir::State::extended_states=${apt}/extended_states`,
    `Dir::Cache=${apt}`,
    "APT::Architecture=amd64",
    "APT::Install-Recommends=false",
    "APT::Sandbox::User=",
    // The machine's own settings may say otherwise.
    "APT::Keep-Downloaded-Packages=true",
    "Acquire::Retries=2",
    "Acquire::http::Timeout=30",
    "Debug::NoLocking=true",
  ].flatMap((option) => ["-o", option]);
  await run("apt-get", [...options, "-qq", "update"]);
  await run("apt-get", [...options, "-qq", "install", "--yes", "--download-only", ...PACKAGES]);
  let version = "";
  const archives = join(apt, "archives");
  for await (const { name } of Deno.readDir(archives)) {
    if (!name.endsWith(".deb")) continue;
    await run("dpkg-deb", ["--extract", join(archives, name), join(folder, "root")]);
    version = /^mesa-vulkan-drivers_(.+)_amd64\.deb$/.exec(name)?.[1] ?? version;
  }
  if (version === "") throw new Error("apt-get brought no mesa-vulkan-drivers");
  // Of Debian's packages only libraries and Vulkan's descriptions are read.
  await Promise.all(
    [apt, join(folder, "root/usr/share/doc"), join(folder, "root/usr/share/locale")].map((path) =>
      Deno.remove(path, { recursive: true }).catch(() => {})
    ),
  );
  return version;
}

/** Where this machine's own apt takes Debian from. */
async function mirror(): Promise<string> {
  const text = await run("apt-get", [
    "indextargets",
    "--format",
    "$(ORIGIN) $(CODENAME) $(SITE)",
    "Identifier: Packages",
  ]);
  // Security's and backports' suites have names of two words, and may lie elsewhere.
  const site = /^Debian [a-z]+ (\S+)$/m.exec(text)?.[1];
  if (site === undefined) throw new Error("apt knows no mirror of Debian (apt-get update asks it)");
  return site;
}

/** Runs a command, and returns what it prints. */
async function run(program: string, args: string[]): Promise<string> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const command = new Deno.Command(program, { args, env: { LC_ALL: "C" }, stdin: "null", signal });
  const { success, stdout, stderr } = await command.output();
  if (success) return new TextDecoder().decode(stdout);
  const last = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
  throw new Error(`${program} failed: ${last}`);
}
