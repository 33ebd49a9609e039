/**
 * Segments of layers. The layers of a segment have activations of their own, and share their place with those of the
 * other segments. A backward pass finds those of the last segment, and computes the others' again from their first
 * layer's input, which is kept (gradient checkpointing, Chen et al. 2016). @module
 */

/** Layers from `first` to before `end`. */
export interface Segment {
  readonly first: number;
  readonly end: number;
}

/** Layers of a segment, of `layers` in all, as `training.gradient_checkpointing` says it: false keeps all layers. */
export function segmentLayers(checkpointing: boolean | number, layers: number): number {
  return Math.min(layers, checkpointing === false ? layers : Number(checkpointing));
}

/** The segments in their order. The first one is shorter if need be, so that the last, which is kept, is whole. */
export function layerSegments(layers: number, length: number): Segment[] {
  const segments: Segment[] = [];
  for (let end = layers; end > 0; end -= length) segments.unshift({ first: Math.max(0, end - length), end });
  return segments;
}
