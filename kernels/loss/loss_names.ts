/** The losses over pairs: their names alone, for whoever needs no kernel. @module */

/** The losses over pairs as TRL calls them, in the shader's order. */
export const PREFERENCE_LOSSES = ["sigmoid", "hinge", "ipo", "robust"] as const;

/** The name of a loss over pairs. */
export type PreferenceLossType = typeof PREFERENCE_LOSSES[number];
