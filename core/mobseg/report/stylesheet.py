"""The style sheet of the report."""

from __future__ import annotations

from mobseg.report.style import MARKER, OTHER_OUTLINE, OUTLINE, PANEL, heat_gradient_css

STYLESHEET = f"""
:root {{ --ink: #17202a; --muted: #5a6675; --line: #dde2e8; --accent: #0b6c83; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: #f3f5f7; color: var(--ink); line-height: 1.5;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }}
main {{ max-width: 1160px; margin: 0 auto; padding: 0 24px 48px; }}
header {{ background: {PANEL}; color: #fff; }}
header > div {{ max-width: 1160px; margin: 0 auto; padding: 26px 24px 22px; }}
h1 {{ margin: 0; font-size: 26px; font-weight: 650; letter-spacing: -0.01em; }}
header p {{ margin: 4px 0 0; color: #b9c4cf; }}
h2 {{ margin: 38px 0 12px; font-size: 19px; font-weight: 650; }}
h3 {{ margin: 0 0 12px; font-size: 16px; font-weight: 650; }}
p {{ margin: 6px 0; max-width: 85ch; }}
.warning {{ background: #fff4d6; border-bottom: 1px solid #ecd48b; color: #4d3a00; }}
.warning p {{ max-width: 1160px; margin: 0 auto; padding: 10px 24px; }}
.notes {{ margin: 20px 0 0; padding: 12px 16px 12px 34px; background: #fff;
  border: 1px solid var(--line); border-left: 4px solid #d99a1c; border-radius: 6px; }}
.tiles {{ display: grid; grid-template-columns: repeat(4, 1fr); gap: 14px; margin: 24px 0 0; }}
.tile, .card {{ background: #fff; border: 1px solid var(--line); border-radius: 8px; }}
.tile {{ padding: 14px 16px; }}
.tile b {{ display: block; font-size: 27px; font-weight: 650; letter-spacing: -0.02em; }}
.tile span {{ color: var(--muted); font-size: 13.5px; }}
.card {{ padding: 16px 18px; margin: 0 0 16px; break-inside: avoid; }}
.number {{ display: inline-block; min-width: 26px; height: 26px; margin-right: 9px; padding: 0 6px;
  border-radius: 13px; background: {MARKER}; color: {PANEL}; text-align: center;
  font-size: 14px; line-height: 26px; font-weight: 700; }}
.reason {{ margin-left: 8px; padding: 1px 9px; border-radius: 10px; background: #e5eff2;
  color: var(--accent); font-size: 13px; font-weight: 600; }}
figure {{ margin: 0; break-inside: avoid; }}
figure img {{ display: block; width: 100%; height: auto; background: {PANEL};
  border-radius: 6px; }}
figcaption {{ margin-top: 8px; color: var(--muted); font-size: 13.5px; }}
.legend {{ display: grid; grid-template-columns: 92px 1fr; gap: 10px 16px; align-items: center;
  margin: 0; }}
.legend dt {{ height: 30px; border-radius: 5px; background: {PANEL}; display: grid;
  place-items: center; }}
.legend dd {{ margin: 0; }}
.line {{ width: 60px; height: 0; border-top: 3px solid {OUTLINE}; }}
.other {{ border-top: 2px solid {OTHER_OUTLINE}; }}
.heat {{ width: 70px; height: 14px; background: {heat_gradient_css()}; }}
.dot {{ width: 20px; height: 20px; border-radius: 10px; background: {MARKER}; color: {PANEL};
  font: 700 12px/20px sans-serif; text-align: center; }}
table {{ width: 100%; border-collapse: collapse; background: #fff; font-size: 14px;
  font-variant-numeric: tabular-nums; }}
th, td {{ padding: 7px 12px; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }}
th {{ color: var(--muted); font-weight: 600; font-size: 13px; vertical-align: bottom; }}
td.n, th.n {{ text-align: right; }}
.frame {{ border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }}
.frame tr:last-child td {{ border-bottom: 0; }}
.small td {{ font-size: 13px; overflow-wrap: anywhere; }}
.small td:first-child {{ width: 230px; color: var(--muted); }}
@media (max-width: 800px) {{ .tiles {{ grid-template-columns: repeat(2, 1fr); }}
  .frame {{ overflow-x: auto; }} }}
@media print {{
  @page {{ margin: 14mm; }}
  body {{ background: #fff; font-size: 10.5pt; print-color-adjust: exact;
    -webkit-print-color-adjust: exact; }}
  main, header > div {{ padding-left: 0; padding-right: 0; }}
  header > div, .warning p {{ padding-left: 14px; }}
  h2 {{ break-after: avoid; }}
  tr {{ break-inside: avoid; }}
}}
"""
