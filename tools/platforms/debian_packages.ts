/** Debian's packages with what they need, unpacked into a folder: nothing is installed, and no right is needed. @module */
import { fetching, Unavailable } from "../unavailable.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Packages to unpack. */
export interface PackageSet {
  /** Debian's suites to take them from, such as `bookworm-backports`; the last is preferred. */
  readonly suites: readonly string[];
  readonly packages: readonly string[];
  /** Whether the folder is to be a whole system for `chroot`, without anything of this machine's. */
  readonly whole: boolean;
}

/** Where this machine's own apt takes a suite from, by the suite's name; `any` is Debian's main archive. */
export type Mirrors = ReadonlyMap<string, string>;

/** The mirrors in what `apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(SITE)'` prints. */
export function mirrorsIn(text: string): Mirrors {
  const lines = text.split("\n").map((line) => line.split(" ")).filter(([origin]) => origin === "Debian");
  const mirrors = new Map(lines.map(([, suite, site]) => [suite!, site!]));
  const main = lines.find(([, suite]) => !suite!.includes("-"));
  return main ? mirrors.set("any", main[2]!) : mirrors;
}

/** The lines of a sources.list. Throws Unavailable where the machine's own apt knows no mirror of Debian. */
export function sourceLines(suites: readonly string[], mirrors: Mirrors): string {
  return suites.map((suite) => {
    const mirror = mirrors.get(suite) ?? mirrors.get("any");
    if (mirror === undefined) throw new Unavailable("apt knows no mirror of Debian, expected Debian 12");
    return `deb [signed-by=${KEYRING}] ${mirror} ${suite} main\n`;
  }).join("");
}

/**
 * Unpacks the packages into `folder`/root, unless they are there, and returns their names with versions, one a line. Throws
 * Unavailable where apt is not there, is another system's, or cannot reach its mirror.
 */
export async function unpackPackages(folder: string, { suites, packages, whole }: PackageSet): Promise<string> {
  const done = await Deno.readTextFile(`${folder}/packages`).catch(() => null);
  if (done !== null) return done;
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  for (const name of ["state/lists/partial", "cache/archives/partial", "root"]) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
  }
  const format = ["--format", "$(ORIGIN) $(CODENAME) $(SITE)", "Identifier: Packages"];
  const mirrors = mirrorsIn(await fetching("apt-get", ["indextargets", ...format]));
  await Deno.writeTextFile(`${folder}/sources.list`, sourceLines(suites, mirrors));
  await Deno.writeTextFile(`${folder}/status`, whole ? "" : await Deno.readTextFile("/var/lib/dpkg/status"));
  const options = {
    "Dir::State": `${folder}/state`,
    "Dir::State::status": `${folder}/status`,
    "Dir::Cache": `${folder}/cache`,
    "Dir::Etc::SourceList": `${folder}/sources.list`,
    "Dir::Etc::SourceParts": "-",
    "APT::Sandbox::User": "root",
    // The machine's own settings may remove what was fetched.
    "APT::Keep-Downloaded-Packages": "true",
    // Without it a list that cannot be fetched is a warning.
    "APT::Update::Error-Mode": "any",
    "Acquire::Retries": "2",
    "Acquire::http::Timeout": "30",
  };
  const apt = ["-q", ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`])];
  await fetching("apt-get", [...apt, "update"]);
  const install = ["install", "--download-only", "--reinstall", "-y", "--no-install-recommends"];
  await fetching("apt-get", [...apt, ...install, "-t", suites.at(-1)!, ...packages]);
  const found: string[] = [];
  for await (const { name } of Deno.readDir(`${folder}/cache/archives`)) {
    if (!name.endsWith(".deb")) continue;
    const path = `${folder}/cache/archives/${name}`;
    await fetching("dpkg-deb", ["-x", path, `${folder}/root`]);
    found.push((await fetching("dpkg-deb", ["--show", path])).trim().replace("\t", " "));
    await Deno.remove(path);
  }
  const text = found.sort().join("\n") + "\n";
  await Deno.writeTextFile(`${folder}/packages`, text);
  return text;
}
