/** What to cite for a method. @module */

const DNPO = "```bibtex\n" +
  `@article{yang2025dnpo,
  title   = {Dynamic Noise Preference Optimization: Self-Improvement of Large Language Models with Self-Synthetic Data},
  author  = {Yang, Haoyan and Le, Khiem and Hua, Ting and Gao, Shangqian and Xu, Binfeng and Tang, Zheng and Xu, Jie
             and Chawla, Nitesh V. and Jin, Hongxia and Srinivasan, Vijay},
  journal = {arXiv preprint arXiv:2502.05400},
  year    = {2025}
}
` + "```";

const SPIN = "```bibtex\n" +
  `@article{chen2024spin,
  title   = {Self-Play Fine-Tuning Converts Weak Language Models to Strong Language Models},
  author  = {Chen, Zixiang and Deng, Yihe and Yuan, Huizhuo and Ji, Kaixuan and Gu, Quanquan},
  journal = {arXiv preprint arXiv:2401.01335},
  year    = {2024}
}
` + "```";

const DPO = "```bibtex\n" +
  `@article{rafailov2023dpo,
  title   = {Direct Preference Optimization: Your Language Model is Secretly a Reward Model},
  author  = {Rafailov, Rafael and Sharma, Archit and Mitchell, Eric and Ermon, Stefano and Manning, Christopher D.
             and Finn, Chelsea},
  journal = {arXiv preprint arXiv:2305.18290},
  year    = {2023}
}
` + "```";

/** The papers of the methods, in BibTeX. */
export const CITATIONS: Readonly<Record<string, string>> = { dnpo: DNPO, spin: SPIN, dpo: DPO };
