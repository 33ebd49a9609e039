import { deepEqual, match } from "node:assert/strict";
import { type Machine, planInstall } from "../../tools/install_driver.ts";

const DEBIAN: Machine = { os: "linux", release: 'NAME="Debian"\nID=debian\n', root: true, sudo: false };
const UBUNTU_LIKE = 'NAME="Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n';
const INSTALL = ["apt-get", "install", "-y", "--no-install-recommends", "mesa-vulkan-drivers"];

function adviceFor(machine: Partial<Machine>): string {
  const plan = planInstall({ ...DEBIAN, ...machine });
  return "advice" in plan ? plan.advice : `commands: ${plan.commands}`;
}

Deno.test("planInstall() runs apt-get as root", () => {
  deepEqual(planInstall(DEBIAN), { commands: [["apt-get", "update"], INSTALL] });
});

Deno.test("planInstall() goes through sudo where it asks for no password", () => {
  deepEqual(planInstall({ ...DEBIAN, release: UBUNTU_LIKE, root: false, sudo: true }), {
    commands: [
      ["sudo", "-n", "apt-get", "update"],
      ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive", ...INSTALL],
    ],
  });
});

Deno.test("planInstall() runs nothing without the right, and names the platform's command", () => {
  match(adviceFor({ root: false }), /^Run: sudo apt-get update && sudo apt-get install .*mesa-vulkan-drivers$/);
  match(adviceFor({ release: "ID=fedora\n", root: false }), /^Run: sudo dnf install -y mesa-vulkan-drivers/);
  match(adviceFor({ release: "ID=rocky\nID_LIKE='rhel'\n".replaceAll("'", '"') }), /^Run: dnf install/);
  match(adviceFor({ release: "ID=arch\n" }), /^Run: pacman -S --needed vulkan-swrast/);
  match(adviceFor({ release: "" }), /lavapipe/);
  match(adviceFor({ os: "darwin" }), /Metal/);
});
