/** Questions of the category extraction. @module */
import type { OwnQuestion } from "../own_question.ts";

/** Ten. */
export const EXTRACTION: readonly OwnQuestion[] = [
  {
    turns: [
      'List who was where in which year, as a JSON array of objects with the keys name, place and year, in the order of the text: "Ilse Brandt moved to Turku in 1987. Her brother Jonas had left for Porto four years before. In 1991 both met again in Ghent."',
      'Add to each object a key "inferred", true where the year does not stand in the text itself. How many are there?',
    ],
  },
  {
    turns: [
      'Rate each review from 1 (bad) to 5 (good), and answer with a JSON list of numbers alone: (a) "The soup was cold, and so was the waiter." (b) "I have been coming for ten years and see no reason to stop." (c) "Fine for a quick lunch, no more."',
      "Which of the reviews speak of the staff, and which of the food? Answer with a JSON object from each letter to a list of topics, which may be empty.",
    ],
  },
  {
    turns: [
      "Visitors by month: January 412, February 398, March 455, April 509, May 511, June 470. Which month had the largest rise over the one before, and how large was it?",
      "List the months with a fall, each with the fall in per cent of the month before, rounded to one decimal place.",
    ],
  },
  {
    turns: [
      'Find all dates in this text, also those that are only described, and write them as YYYY-MM-DD, one a line: "The lease begins on the first of March 2021 and ends on 28/02/24. Notice was given on Dec. 5, 2023, and the keys were handed over on the day after the end."',
      "How many days lie between the notice and the handing over of the keys? Show how you count.",
    ],
  },
  {
    turns: [
      'Make a table of who has to do what by when, and on what condition: "Hi all, Mara sends the draft by Tuesday. If Piet finds no mistake by Wednesday noon, Mara passes it to the printer on the same day. Otherwise I do so on Friday. Lea"',
      "Piet has found a mistake. Which rows of the table still hold, and which do not?",
    ],
  },
  {
    turns: [
      'Write the ingredients as CSV with the columns ingredient, amount and unit, and leave empty what is not said: "Stir two cups of flour with a pinch of salt, add 3 eggs one by one, then about 250 ml of milk, until the batter is thick. Fry in butter."',
      "Now for half as much. Mark with a * what cannot be halved exactly, or has no amount.",
    ],
  },
  {
    turns: [
      'Which of these sentences state a cause? Answer with pairs "cause -> effect" alone: "The bridge was closed. Because the river rose, the bridge was closed. The river rose after the bridge was closed. The closed bridge led to long detours."',
      'Which of the sentences misleads a reader who takes "after" for "because", and to what would that reader conclude?',
    ],
  },
  {
    turns: [
      'Who bought whom? "Norvik, which swallowed Dalen in spring, was itself taken over by Astor two weeks ago, whose bid beat that of Kelm." Answer with one line "buyer -> bought" for each purchase, the latest first.',
      "Which company of the text stands in none of the lines, and to whom does Dalen belong now, if nothing else was sold?",
    ],
  },
  {
    turns: [
      'Count the errors (codes that begin with E) by code, as a JSON object, the most frequent first: "12:01 E42 disk full; 12:03 W7 slow; 12:03 E42 disk full; 12:09 E13 no route; 12:10 ok; 12:11 E42 disk full"',
      "What is the longest time between two errors of the same code that follow each other, and between which times does it lie?",
    ],
  },
  {
    turns: [
      'Say for each person where the text puts them at noon, or "not said": "Ada left the mill at ten for the market, an hour\'s walk away. Ben slept at home until one. Nobody has seen Cleo since the market opened at eight."',
      "Somebody claims that Ada met Cleo in the market at noon. Does the text support it, rule it out, or neither? Quote the words that you rely on.",
    ],
  },
];
