/** Questions of the category stem. @module */
import type { OwnQuestion } from "../own_question.ts";

/** Ten. */
export const STEM: readonly OwnQuestion[] = [
  {
    turns: [
      "A balloon with helium hangs on a string from the floor of a closed car. Which way does it lean when the car speeds up, and why?",
      "What does it do if the car goes round a bend, and what changes if all windows are open?",
    ],
  },
  {
    turns: [
      "Why do many plants of deserts open their pores at night, and what does it cost them?",
      "Design an experiment with simple means which shows that a plant does so, and name the error that is most likely to spoil it.",
    ],
  },
  {
    turns: [
      "What does a catalyst change about a chemical reaction, and what can it never change? Use one example from industry.",
      "A colleague reports a catalyst that shifts an equilibrium towards the product. What would you check first, and why?",
    ],
  },
  {
    turns: [
      "Explain how an mRNA vaccine works, from the injection to the immune system's memory, to somebody who knows what a cell is and no more.",
      "Why do such vaccines have to be kept cold? Name two changes that could ease it, and what each might cost.",
    ],
  },
  {
    turns: [
      "Why is the sky blue, and the setting sun red? Which part of it do popular explanations often get wrong?",
      "Which colour would the sky have by day on a planet with the same gases, but a much thicker atmosphere? Argue, and say of what you are unsure.",
    ],
  },
  {
    turns: [
      "How does a B-tree differ from a binary search tree, and why do databases prefer it?",
      "Estimate the height of a B-tree with 200 keys in a node that holds 100 million keys. How many reads from the disk does a search take if the two upper levels are kept in memory?",
    ],
  },
  {
    turns: [
      "What is the difference between the accuracy and the precision of a measurement? Give an example in which a very precise instrument misleads.",
      "With ten measurements and a second instrument of another make, how would you find out which kind of error you have?",
    ],
  },
  {
    turns: [
      "Why do long bridges have expansion joints? Estimate how much the length of a steel bridge of 300 metres changes between winter and summer.",
      "Some bridges and all welded railway tracks do without such joints. Where does the strain go?",
    ],
  },
  {
    turns: [
      "Explain natural selection by the example of bacteria and an antibiotic, without any word that ascribes an intention to bacteria.",
      "Should a patient always take an antibiotic to the end of the pack? Say what speaks for it, and what against.",
    ],
  },
  {
    turns: [
      "What happens in a transformer if its primary winding is connected to a battery, at first and after a while?",
      "How can the ignition coil of a car give a spark, then, though it is fed by a battery?",
    ],
  },
];
