/** Recorders for both families of kernels on the one device, so that each test runs both variants. @module */
import { Commands } from "../../kernels/device/commands.ts";
import { Device } from "../../kernels/device/device.ts";
import type { DeviceFamily } from "../../kernels/device/tuning.ts";
import { commands, device } from "./device.ts";

/** The device's own family and the other one, under which its kernels run as well. */
export const families: readonly { family: DeviceFamily; commands: Commands }[] = [
  { family: device.family, commands },
  ...(["cpu", "gpu"] as const).filter((family) => family !== device.family).map((family) => ({
    family,
    commands: new Commands(new Device(device.gpu, { info: device.info, family, subgroupSize: 0 })),
  })),
];
