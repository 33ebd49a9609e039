/** The choice among several devices, by itself: the command line's help needs no device. @module */

/** Which device to take where there are several: a GPU by what it is made for, or the CPU. */
export type DeviceChoice = "high-performance" | "low-power" | "cpu";

/** The choices of a device. */
export const DEVICE_CHOICES = ["high-performance", "low-power", "cpu"] as const satisfies readonly DeviceChoice[];
