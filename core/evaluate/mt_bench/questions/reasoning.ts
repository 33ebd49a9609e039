/** Questions of the category reasoning, with right answers. @module */
import type { OwnQuestion } from "../own_question.ts";

/** Ten. */
export const REASONING: readonly OwnQuestion[] = [
  {
    turns: [
      "Ann, Bo, Cy, Di and Ed stand in a queue. Bo is directly behind Di. Ann is somewhere before Di, and Cy somewhere before Ann. Ed is last. What is the order?",
      "Ed goes home, and Fay joins the others. She may stand anywhere but in the first place, and wants to be as far from Bo as possible. Who is directly before her, and who directly behind?",
    ],
    references: [
      "Cy, Ann, Di, Bo, Ed.",
      "She takes the second place, three places from Bo: Cy is directly before her, Ann directly behind.",
    ],
  },
  {
    turns: [
      "A hall has three lamps. If the red one is on, the blue one is off. If the green one is off, the blue one is on. The red lamp is on. What do you know of the others?",
      "Forget that the red lamp is on; suppose instead that the blue one is. What do you know of the red and of the green lamp now?",
    ],
    references: [
      "The blue lamp is off, since the red one is on; the green one is on, since with it off the blue one would be on.",
      "The red lamp is off, as otherwise the blue one would be off. The green one may be on or off: nothing follows.",
    ],
  },
  {
    turns: [
      'A farmer with twenty sheep says: "All but seven are ill." How many of them are well?',
      "Three of those that are ill get well, and two of those that were well all the time fall ill. How many are ill now?",
    ],
    references: ["Seven.", "Thirteen were ill; 13 - 3 + 2 = 12."],
  },
  {
    turns: [
      "A clock with hands shows a quarter past three. How many degrees are its hands apart?",
      "When do they lie exactly on top of each other for the first time after that? Give the time to the second.",
    ],
    references: [
      "7.5 degrees: the minute hand is at 90, the hour hand at 97.5.",
      "At 3 o'clock and 16 4/11 minutes, which is about 3:16:22.",
    ],
  },
  {
    turns: [
      'One of three boxes holds a ring. On the red box stands: "The ring is in the green box." On the green one: "The ring is in the green box or in the white one." On the white one: "The ring is in the red box." Exactly two of the three texts are true. Where is the ring?',
      "Suppose instead that exactly one of the texts is true. What can be said of the ring now?",
    ],
    references: [
      "In the green box: then the first two texts are true. In the red or the white box only one would be.",
      "It is in the red box or in the white one, in each case with one true text; which of them cannot be told. It is not in the green box.",
    ],
  },
  {
    turns: [
      "Tom's only sister has two brothers. How many sons do Tom's parents have?",
      "Tom's brother has a daughter, Kim. What is Tom's sister to Kim, and how many aunts does Kim have at least?",
    ],
    references: ["Two: Tom and one brother.", "Her aunt. Kim has at least one, this sister of her father."],
  },
  {
    turns: [
      'On an island each person either always tells the truth or always lies. X says: "Y is a liar, or I tell the truth." Y says: "X and I are of the same kind." What can be said of X and of Y?',
      'Y adds: "X would say that I am a liar." What follows?',
    ],
    references: [
      "X tells the truth: if X lied, the statement would be false, so that Y told the truth, and then Y's statement would have to be true, but they would differ. Y may be either: a truthful Y states a truth, a lying Y a falsehood.",
      "Nobody in Y's place can say that. X tells the truth. If Y does too, X would call Y truthful and Y's sentence is false; if Y lies, X would call Y a liar and Y's sentence is true. Both are contradictions, so that the story as told is impossible.",
    ],
  },
  {
    turns: [
      "Four talks, A, B, C and D, follow one another. B comes before A, C directly after B, and D is neither first nor last. What is the programme?",
      "D is cancelled. A new talk E takes its place, which may stand anywhere; what was said of A, B and C stays. How many programmes are possible, and which?",
    ],
    references: ["B, C, D, A.", "Three: E B C A, B C E A and B C A E."],
  },
  {
    turns: [
      "I walk three blocks north, turn right, walk two blocks, turn right, walk five blocks, and turn left. In which direction do I look, and where, seen from me, is the place where I began?",
      "I walk on for one block and turn round. Where is the place where I began now, in terms of ahead, behind, left and right?",
    ],
    references: [
      "I look east. The place is two blocks west and two blocks north of me.",
      "Three blocks ahead, as I look west now, and two blocks to the right, which is north.",
    ],
  },
  {
    turns: [
      "In a club, everybody who plays chess sings. Some who sing do not dance. Does it follow that some who play chess do not dance? Give a reason.",
      "Add one sentence that says nothing about dancing, so that it does follow.",
    ],
    references: [
      "No. Those singers who do not dance need not play chess: all chess players may dance, while another singer does not.",
      "For example: everybody who sings plays chess. The singers who do not dance are chess players then. (A sentence is right if it makes some of those singers chess players without mentioning dancing.)",
    ],
  },
];
