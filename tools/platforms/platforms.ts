/** The drivers that tests are run on besides the machine's own, and how each is used. @module */
import type { PackageSet } from "./debian_packages.ts";

/** A driver to run tests on. */
export interface Platform {
  /** The folder of its packages; platforms may share it. */
  readonly folder: string;
  readonly set: PackageSet;
  /** The package whose version tells the driver's. */
  readonly driver: string;
  /** Whether Dawn stands in the place of Deno's own WebGPU. */
  readonly dawn: boolean;
  /** What is run where no file is named (default: the tests of the kernels and of parity). */
  readonly tests?: readonly string[];
  /** Programs besides bash that these tests run. */
  readonly programs?: readonly string[];
  /** A file of Vulkan's loader, below the packages' root, that describes the driver; null: the driver is OpenGL's. */
  readonly icd: string | null;
}

const LAVAPIPE = "usr/share/vulkan/icd.d/lvp_icd*.json";

function lavapipe(suites: readonly string[], more: readonly string[] = []): Pick<Platform, "set" | "driver" | "icd"> {
  const packages = ["mesa-vulkan-drivers", "libvulkan1", ...more];
  return { set: { suites, packages, whole: more.length > 0 }, driver: "mesa-vulkan-drivers", icd: LAVAPIPE };
}

const MESA_25 = { folder: "mesa25", ...lavapipe(["bookworm", "bookworm-backports"]) };
// The shell mounts what is shared and enters the folder; Deno takes its certificates and users from the system's files.
const SYSTEM = ["base-files", "bash", "coreutils"];
const MESA_26 = { folder: "mesa26", ...lavapipe(["sid"], SYSTEM) };

/** All platforms by their names. */
export const PLATFORMS: Readonly<Record<string, Platform>> = {
  mesa22: { folder: "mesa22", ...lavapipe(["bookworm"]), dawn: false },
  mesa25: { ...MESA_25, dawn: false },
  mesa26: { ...MESA_26, dawn: false },
  swiftshader: {
    folder: "swiftshader",
    set: { suites: ["bookworm", "bookworm-security"], packages: ["chromium-common", "libvulkan1"], whole: false },
    driver: "chromium-common",
    icd: "usr/lib/chromium/vk_swiftshader_icd.json",
    dawn: false,
  },
  gl: {
    folder: "gl",
    set: { suites: ["bookworm"], packages: ["libegl1", "libegl-mesa0", "libgl1-mesa-dri"], whole: false },
    driver: "libgl1-mesa-dri",
    icd: null,
    dawn: false,
  },
  dawn: { ...MESA_25, dawn: true },
  "sid-dawn": { ...MESA_26, dawn: true },
  "sid-mpi": {
    folder: "mpi",
    ...lavapipe(["sid"], [...SYSTEM, "mpich", "openmpi-bin"]),
    driver: "mpich",
    dawn: false,
    tests: ["tests/cluster"],
    programs: ["mpirun.openmpi", "mpirun.mpich", "mpirun.mpi_abi_mpich"],
  },
};
