/** Walks of attention's backward pass, cut where one dispatch's loops would have too many rounds. @module */

/** The part of a walk that a dispatch takes: blocks and, of the query heads of a group, members; both from first to end. */
export interface WalkPart {
  first: number;
  end: number;
  first_member: number;
  end_member: number;
}

/** Rounds besides those of blocks: each member is one and ends with one, and the walk over members ends with one. */
const [MEMBER, LAST] = [2, 1];

/**
 * The parts of a walk over `blocks` for each of `members` in turn, in its order, none of which takes more than `rounds`:
 * the whole, or some members at a time, or some blocks of one. The sums go from part to part through their buffer, with
 * the bits that one walk gives.
 */
export function walkParts({ blocks, members, rounds }: {
  blocks: number;
  members: number;
  rounds: number;
}): WalkPart[] {
  const most = Math.min(members, Math.floor((rounds - LAST) / (blocks + MEMBER)));
  const parts: WalkPart[] = [];
  if (most > 0) {
    for (let member = 0; member < members; member += most) {
      parts.push({ first: 0, end: blocks, first_member: member, end_member: Math.min(members, member + most) });
    }
    return parts;
  }
  const step = Math.max(1, rounds - MEMBER - LAST);
  for (let member = 0; member < members; member++) {
    for (let first = 0; first < blocks; first += step) {
      const end = Math.min(blocks, first + step);
      parts.push({ first, end, first_member: member, end_member: member + 1 });
    }
  }
  return parts;
}
