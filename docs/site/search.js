// How results of a search are ordered: pages that one works by first, then internals, and records of decisions and changes last, whose many
// words match everything. Sphinx copies it before its own script, which takes the numbers of it below.
var Scorer = {
  order: [
    ["docs/tutorial", 60],
    ["docs/recipes/", 50],
    ["docs/operations/", 40],
    ["docs/reference/http-api", 20],
    ["docs/reference/commands", 20],
    ["docs/reference/", 40],
    ["docs/internals/", -1000],
    ["docs/decisions/", -2000],
    ["CHANGELOG", -2000],
  ],
  score: ([page, title, anchor, description, score]) =>
    score + (Scorer.order.find(([start]) => page.startsWith(start)) || ["", 0])[1],
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 60,
  partialTitle: 30,
  term: 5,
  partialTerm: 2,
};
