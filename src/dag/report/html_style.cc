#include "dag/report/html.h"

namespace roost::dag {

std::string_view PageStyle() {
  return R"css(
:root { color-scheme: light dark; --paper: #ffffff; --raised: #f6f7f9; --ink: #1c2330; --soft: #5d6878; --line: #dfe3e8;
  --ok: #2f7d5b; --ok-back: #dff1e8; --bad: #c0362c; --bad-back: #fbe4e1; --warn: #a86400; --warn-back: #fdf0d8;
  --now: #2463b4; --now-back: #e0ebf9; --idle: #77808d; --idle-back: #eceef1; --bar: #5b9bd5; --accent: #2463b4; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181f; --raised: #1c222b; --ink: #e4e8ee; --soft: #97a2b2;
  --line: #2d3541; --ok: #5cc495; --ok-back: #173528; --bad: #f0776c; --bad-back: #42201d; --warn: #e5ab4d;
  --warn-back: #3c2f16; --now: #74aaf0; --now-back: #1b2f4c; --idle: #8f99a8; --idle-back: #262d37; --bar: #4f8fcb;
  --accent: #74aaf0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 32px 24px 64px; }
header { border-bottom: 1px solid var(--line); padding-bottom: 20px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 12px 0 0; overflow-wrap: anywhere; display: inline; }
h2 { font-size: 18px; margin: 40px 0 12px; }
.sub { color: var(--soft); margin: 8px 0 0; }
.badge { display: inline-block; border-radius: 999px; padding: 1px 10px; font-size: 13px; font-weight: 600;
  white-space: nowrap; background: var(--idle-back); color: var(--idle); }
h1 + .badge { font-size: 15px; padding: 3px 14px; vertical-align: 3px; }
.done, .succeeded { background: var(--ok-back); color: var(--ok); }
.failed, .stopped, .interrupted { background: var(--bad-back); color: var(--bad); }
.held { background: var(--warn-back); color: var(--warn); }
.running, .post, .queued { background: var(--now-back); color: var(--now); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 12px; margin: 24px 0 16px; }
.tile { background: var(--raised); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
.tile b { display: block; font-size: 22px; white-space: nowrap; line-height: 1.2; font-weight: 650; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
.share { display: flex; height: 12px; border-radius: 6px; overflow: hidden; background: var(--idle-back); }
.share i { display: block; background: var(--idle); }
.share .done { background: var(--ok); } .share .failed { background: var(--bad); }
.share .running, .share .post, .share .queued { background: var(--now); } .share .held { background: var(--warn); }
.legend { color: var(--soft); font-size: 13px; margin: 8px 0 0; display: flex; flex-wrap: wrap; gap: 4px 18px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px;
  background: var(--idle); }
.legend .done { background: var(--ok); } .legend .failed { background: var(--bad); }
.legend .running, .legend .post, .legend .queued { background: var(--now); } .legend .held { background: var(--warn); }
.legend .l-ok { background: var(--bar); } .legend .l-critical { background: none; border: 2px solid var(--ink); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 10px; background: var(--raised); padding: 10px; }
svg { display: block; width: 100%; height: auto; font: 11px system-ui, sans-serif; }
svg.timeline { min-width: 720px; }
svg text { fill: var(--ink); } svg .mark { fill: var(--soft); text-anchor: middle; } svg .lane { text-anchor: end; }
svg .grid { stroke: var(--line); } svg rect.ok { fill: var(--bar); } svg rect.bad { fill: var(--bad); }
svg rect.removed, svg rect.held { fill: var(--warn); background: none; } svg rect.now { fill: var(--now); }
svg.timeline rect.critical { stroke: var(--ink); stroke-width: 1.2; }
svg.timeline rect:hover { opacity: .7; }
svg.graph { margin: 0 auto; }
svg .edge { fill: none; stroke: var(--soft); stroke-width: 1; opacity: .55; } svg .weak { stroke-dasharray: 4 3; }
svg .edge.critical { stroke: var(--ink); stroke-width: 2; opacity: 1; }
svg .box rect { fill: var(--idle-back); stroke: var(--idle); } svg .box text { text-anchor: middle; }
svg .box.done rect { fill: var(--ok-back); stroke: var(--ok); } svg .box.failed rect { fill: var(--bad-back); stroke: var(--bad); }
svg .box.held rect { fill: var(--warn-back); stroke: var(--warn); }
svg .box.running rect, svg .box.post rect, svg .box.queued rect { fill: var(--now-back); stroke: var(--now); }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 6px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
th { position: sticky; top: 0; background: var(--raised); color: var(--soft); font-weight: 600; white-space: nowrap; }
.sortable th { cursor: pointer; user-select: none; } th[aria-sort=ascending]::after { content: " \2191"; }
th[aria-sort=descending]::after { content: " \2193"; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.name { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 13px; overflow-wrap: anywhere; }
td.what { color: var(--soft); overflow-wrap: anywhere; }
.table { max-height: 640px; overflow: auto; border: 1px solid var(--line); border-radius: 10px; }
.tools { display: flex; flex-wrap: wrap; gap: 10px; align-items: center; margin: 0 0 10px; }
input, select { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 8px;
  padding: 6px 10px; } input { min-width: 240px; }
#shown { color: var(--soft); font-size: 13px; }
.fault { border: 1px solid var(--line); border-left: 4px solid var(--bad); border-radius: 8px; padding: 12px 16px;
  margin: 0 0 14px; background: var(--raised); break-inside: avoid; }
.fault h3 { margin: 0; font-size: 15px; overflow-wrap: anywhere; } .fault p { margin: 4px 0; }
pre { margin: 8px 0 4px; padding: 10px 12px; background: var(--paper); border: 1px solid var(--line); border-radius: 8px;
  overflow-x: auto; font: 12.5px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; }
code { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.note, footer { color: var(--soft); font-size: 13px; } footer { margin-top: 48px; }
.part { background: var(--idle-back); border-radius: 4px; height: 10px; min-width: 120px; }
.part i { display: block; height: 10px; border-radius: 4px; background: var(--bar); min-width: 2px; }
@media print { main { max-width: none; padding: 0; } .tools { display: none; } .table { max-height: none; overflow: visible; }
  .scroll { overflow: visible; } th { position: static; } body { font-size: 12px; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } h2 { break-after: avoid; } }
)css";
}

std::string_view PageScript() {
  return R"js(
"use strict";
(function () {
  const table = document.getElementById("nodes");
  if (!table) return;
  const body = table.tBodies[0], rows = Array.from(body.rows);
  const text = document.getElementById("filter"), state = document.getElementById("state");
  const shown = document.getElementById("shown");
  function filter() {
    const wanted = text.value.toLowerCase();
    let count = 0;
    for (const row of rows) {
      const fits = (!state.value || row.dataset.state === state.value) &&
                   (!wanted || row.textContent.toLowerCase().includes(wanted));
      row.hidden = !fits;
      if (fits) count++;
    }
    shown.textContent = count === rows.length ? "" : count + " of " + rows.length;
  }
  text.addEventListener("input", filter);
  state.addEventListener("change", filter);
  Array.from(table.tHead.rows[0].cells).forEach(function (head, column) {
    head.tabIndex = 0;
    function sort() {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = row => row.cells[column].dataset.v || row.cells[column].textContent;
      const numeric = head.classList.contains("n");
      rows.sort(function (a, b) {
        const x = key(a), y = key(b);
        const order = numeric ? Number(x) - Number(y) : x.localeCompare(y, undefined, { numeric: true });
        return down ? -order : order;
      });
      body.append(...rows);
    }
    head.addEventListener("click", sort);
    head.addEventListener("keydown", e => { if (e.key === "Enter") sort(); });
  });
})();
)js";
}

}  // namespace roost::dag
