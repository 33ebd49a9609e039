/** The look of a run's page: wide and narrow, light and dark, on paper. @module */

/** The style sheet. It names no file or address. */
export const PAGE_STYLE: string = `
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --card: #f6f8fa; --page: #fff;
  --accent: #0b66b8; --good: #116329; --good-back: #dafbe1; --bad: #a40e26; --bad-back: #ffebe9; --flat-back: #eaeef2; }
@media (prefers-color-scheme: dark) { :root { --ink: #dfe4ea; --soft: #9aa4af; --line: #3a424b; --card: #171c22; --page: #0e1116;
  --accent: #6cb6ff; --good: #6fdd8b; --good-back: #12341c; --bad: #ff9a92; --bad-back: #45171a; --flat-back: #2a313a; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 3.5rem; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main, header, footer, nav.page { max-width: 1180px; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.5rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .7rem; padding-top: .3rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); } small, .small { font-size: .86rem; }
code, pre, .text { font-family: ui-monospace, "SF Mono", Consolas, monospace; font-size: .88em; }
code { overflow-wrap: anywhere; }
a { color: var(--accent); } :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.skip { position: absolute; left: -999rem; } .skip:focus { position: static; }
nav.page { position: sticky; top: 0; z-index: 1; background: var(--page); border-bottom: 1px solid var(--line); padding: .45rem 1.25rem; }
nav.page ul { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; margin: 0; padding: 0; }
.pill { display: inline-block; border-radius: 1rem; padding: .05rem .65rem; font-size: .82rem; font-weight: 600; background: var(--flat-back); vertical-align: .25em; }
.good { color: var(--good); background: var(--good-back); } .bad { color: var(--bad); background: var(--bad-back); }
.lead { font-size: 1.1rem; max-width: 60rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: 1rem; margin: 1rem 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1.1rem; min-width: 0; }
#now h3 { margin-top: 1.2rem; } .big { font-size: 1.9rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums; } .big .unit { font-size: 1rem; font-weight: 500; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: .6rem 1.5rem; margin: 1rem 0 0; }
dl.facts div { min-width: 0; } dt { color: var(--soft); font-size: .82rem; } dd { margin: 0; overflow-wrap: anywhere; }
progress { width: 100%; height: .8rem; accent-color: var(--accent); }
.sample { margin: 0 0 1rem; } .sample ul { list-style: none; margin: .6rem 0 0; padding: 0; }
.sample li { display: grid; grid-template-columns: 9.5rem minmax(0, 1fr) minmax(9rem, auto); gap: .1rem 1rem; padding: .4rem 0; border-top: 1px solid var(--line); }
.sample .how { text-align: right; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; } .text[tabindex] { max-height: 15rem; overflow: auto; } .sample li.more { display: block; } .sample details { margin: 0; } .turn + .turn { margin-top: .4rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 500px), 1fr)); gap: 1.6rem 2rem; }
figure { margin: 0; min-width: 0; } figure svg { width: 100%; height: auto; color: var(--ink); display: block; } figure .narrow { display: none; }
figcaption { color: var(--soft); font-size: .9rem; max-width: 36rem; }
.scroll { overflow-x: auto; } .scroll + h3 { margin-top: 1.4rem; } h3, figcaption, #missing li { overflow-wrap: anywhere; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93rem; }
th, td { padding: .28rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
thead th, thead td { border-bottom-width: 2px; } tbody th { text-align: left; font-weight: 450; position: sticky; left: 0; background: var(--page); }
tbody th.group { font-weight: 650; padding-top: .9rem; } td .soft { font-size: .85em; }
table.left td { text-align: left; white-space: normal; overflow-wrap: anywhere; } table.left { width: 100%; table-layout: fixed; } table.left th { vertical-align: top; width: 46%; white-space: normal; overflow-wrap: anywhere; }
table.runs td, table.runs th { text-align: left; } td.now { color: var(--accent); font-weight: 650; }
.keys { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 0 2rem; align-items: start; }
details { margin: .8rem 0; } summary { cursor: pointer; color: var(--accent); }
ol.log { list-style: none; margin: 0; padding: .6rem .8rem; max-height: 22rem; overflow: auto; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; font-size: .87rem; }
ol.log li { overflow-wrap: anywhere; } ol.log time { color: var(--soft); margin-right: .7rem; font-variant-numeric: tabular-nums; }
button { font: inherit; font-weight: 600; color: var(--bad); background: var(--page); border: 1px solid currentColor; border-radius: .4rem; padding: .3rem .9rem; cursor: pointer; }
button.plain { color: var(--accent); } label { white-space: nowrap; }
footer { margin-top: 3rem; padding-bottom: 2rem; color: var(--soft); font-size: .86rem; }
@media (max-width: 640px) { body { font-size: 15px; } h1 { font-size: 1.35rem; } .big { font-size: 1.6rem; }
  main, header, footer, nav.page { padding-left: .9rem; padding-right: .9rem; }
  figure .wide { display: none; } figure .narrow { display: block; }
  .sample li { grid-template-columns: minmax(0, 1fr); } .sample .how { text-align: left; }
  nav.page { position: static; } th, td { padding: .25rem .4rem; } tbody th { min-width: 7.5rem; white-space: normal; } thead th { white-space: normal; vertical-align: bottom; }
  td .soft { display: block; } table.left tbody th { position: static; overflow-wrap: anywhere; } }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --card: #fff; --page: #fff; --accent: #000;
    --good: #000; --good-back: #fff; --bad: #000; --bad-back: #fff; --flat-back: #fff; }
  body { font-size: 10.5pt; } nav.page, .skip, form, button { display: none; } .pill { border: 1px solid; }
  .figures { grid-template-columns: 1fr 1fr; gap: 1rem; } figure .wide { display: none; } figure .narrow { display: block; }
  .cards { grid-template-columns: 1fr 1fr 1fr; } .big { font-size: 1.4rem; } h2 { margin-top: 1.4rem; }
  figure, .card, .sample, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } ol.log, .text[tabindex] { max-height: none; } .scroll { overflow: visible; } a { text-decoration: none; } }
`;
