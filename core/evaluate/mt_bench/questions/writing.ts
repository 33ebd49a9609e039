/** Questions of the category writing. @module */
import type { OwnQuestion } from "../own_question.ts";

/** Ten. */
export const WRITING: readonly OwnQuestion[] = [
  {
    turns: [
      "Write the opening paragraph of a letter in which a retiring lighthouse keeper hands over to a successor who has never seen the sea.",
      'Rewrite it so that it has exactly five sentences, none of which contains the word "light", not even as a part of another word.',
    ],
  },
  {
    turns: [
      "Write a product description of about 80 words for a kettle that whistles in D major.",
      "Turn it into a complaint by a customer whose kettle whistles in E flat, with as many paragraphs as the description has.",
    ],
  },
  {
    turns: [
      "Draft an e-mail to a landlord, asking that the broken window in the stairwell be mended before winter. Be firm but friendly, in at most 120 words.",
      "The landlord answers that the tenants have to pay half of it. Write a reply of three sentences that refuses and says why.",
    ],
  },
  {
    turns: [
      "Write a poem of twelve lines about a tram at five in the morning. No line may have more than eight words.",
      "Keep the first and the last line, and write the ten between them anew, as the driver sees it.",
    ],
  },
  {
    turns: [
      "Outline a blog post about repairing household appliances instead of replacing them: a title, five headings, and one sentence under each.",
      "Write out the third section in about 150 words, with exactly one comparison that is taken from nature.",
    ],
  },
  {
    turns: [
      "Invent a fable of at most 150 words in which a heron and a crab have to share a pond. End with a moral of one sentence.",
      "Tell the same story as a report in a local newspaper, with a headline. The moral is not to be stated, but a reader should feel it.",
    ],
  },
  {
    turns: [
      "Write a dialogue of ten lines between two chess players who dislike each other and admire each other's play. No narration.",
      "Add a stage direction to every second line, so that a reader can guess from the directions alone who is going to win.",
    ],
  },
  {
    turns: [
      "Describe in one paragraph the smell of rain on a dusty road, for somebody who was born without a sense of smell.",
      "Shorten it to 40 words at most, keep its strongest image, and say afterwards which image that is.",
    ],
  },
  {
    turns: [
      "Write a speech of about two minutes for the opening of a village library in a former bakery.",
      "Now the same speech, with the same order of thoughts, for an audience of eight-year-olds.",
    ],
  },
  {
    turns: [
      'Improve this sentence, and explain each change in a few words: "Due to the fact that the meeting which was planned was not able to take place, it is the case that we will be needing to find a date which is a new one."',
      "Write three versions of the improved sentence: for a close friend, for a court, and for a notice on a door.",
    ],
  },
];
