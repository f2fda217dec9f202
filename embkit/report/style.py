"""The style of a report: light and dark, from a phone to a wide screen."""

from __future__ import annotations

# Colours of models and of groups: told apart also by those who see few colours (Okabe and
# Ito 2008), a darker set on light ground.
STYLE = """
:root{color-scheme:light dark;--ground:#fbfbfa;--card:#fff;--ink:#1d1f23;--soft:#5c6370;
--line:#dfe1e6;--rail:#eceef1;--warn:#a8480b;
--c0:#0b67b0;--c1:#c2410c;--c2:#0f7b5f;--c3:#a03b83;--c4:#8a6a00;--c5:#2d6f86;--c6:#6a4fb3;
--c7:#b3324f}
@media (prefers-color-scheme:dark){:root{--ground:#15171a;--card:#1d2024;--ink:#e8e9ec;
--soft:#a0a7b3;--line:#33373e;--rail:#2a2e34;--warn:#f0a35e;
--c0:#62b0f0;--c1:#f08a4b;--c2:#4cc7a1;--c3:#df8cc4;--c4:#e0bd4a;--c5:#78c3da;--c6:#b09cf0;
--c7:#f08aa2}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--ground);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
header,main,footer{max-width:68rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.5rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem;letter-spacing:-.01em}
h2{font-size:1.3rem;margin:3rem 0 .4rem;padding-top:.6rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:1.6rem 0 .5rem}
p{margin:.3rem 0 .8rem;max-width:46rem}
header p,.note,figcaption,footer,small,caption{color:var(--soft)}
.note,figcaption{font-size:.85rem}
nav{display:flex;flex-wrap:wrap;gap:.4rem;margin:1rem 0 0}
nav a{color:inherit;text-decoration:none;border:1px solid var(--line);border-radius:1rem;
padding:.15rem .8rem;font-size:.9rem;background:var(--card)}
nav a:hover,nav a:focus-visible{border-color:var(--c0);color:var(--c0)}
:focus-visible{outline:2px solid var(--c0);outline-offset:2px}
.m0{--c:var(--c0)}.m1{--c:var(--c1)}.m2{--c:var(--c2)}.m3{--c:var(--c3)}
.m4{--c:var(--c4)}.m5{--c:var(--c5)}.m6{--c:var(--c6)}.m7{--c:var(--c7)}
.badge{display:inline-flex;align-items:baseline;gap:.4em;overflow-wrap:break-word;min-width:0}
.badge::before{content:"";flex:none;width:.65em;height:.65em;border-radius:50%;
background:var(--c)}
.cards{list-style:none;margin:.8rem 0;padding:0;display:grid;gap:.8rem;
grid-template-columns:repeat(auto-fill,minmax(min(100%,var(--wide,15rem)),1fr))}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;
padding:.8rem 1rem;min-width:0}
.card h3{margin:0 0 .3rem}.card p{margin:.2rem 0 0;color:var(--soft)}
.columns{display:grid;gap:.6rem;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr))}
.columns>div{min-width:0;overflow-wrap:anywhere;font-size:.92rem}
.columns li small{float:right;line-height:1.75}
ol{margin:.2rem 0 0;padding-left:1.4rem}
.scroll{overflow-x:auto;margin:.6rem 0 1.2rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.92rem}
caption{text-align:left;font-size:.85rem;padding-bottom:.3rem}
th,td{text-align:left;padding:.32rem .9rem .32rem 0;border-bottom:1px solid var(--line);
vertical-align:middle}
thead th{color:var(--soft);font-weight:500;font-size:.82rem;white-space:nowrap}
tbody th{font-weight:600;overflow-wrap:break-word;max-width:16rem}
td small{white-space:nowrap}
.track{display:block;position:relative;min-width:9rem;margin:0 6px;height:1.1rem;
border-radius:.2rem;background:repeating-linear-gradient(90deg,var(--line) 0 1px,
transparent 1px 25%),var(--rail);border-right:1px solid var(--line)}
.track i{position:absolute;top:50%}
.track .line{height:3px;margin-top:-1.5px;background:var(--c);border-radius:2px}
.track .dot{width:11px;height:11px;margin:-5.5px 0 0 -5.5px;border-radius:50%;
background:var(--c);box-shadow:0 0 0 2px var(--card)}
.track .bar{top:0;height:100%;background:var(--c);opacity:.28;border-radius:.2rem}
.track .zero{top:0;width:2px;height:100%;background:var(--soft)}
.plot td:nth-child(3){width:32%}
.none{color:var(--soft);font-size:.85rem}
.coverage{white-space:nowrap;padding-bottom:2px;background:linear-gradient(var(--soft),
var(--soft)) 0 100%/var(--share) 2px no-repeat,linear-gradient(var(--line),var(--line)) 0
100%/100% 2px no-repeat}
.weak{color:var(--warn)}.weak small{color:inherit}
.grid{display:grid;gap:1.2rem;
grid-template-columns:repeat(auto-fill,minmax(min(100%,15rem),1fr))}
figure{margin:0 0 1rem;min-width:0}
svg{display:block;width:100%;height:auto;font:12px system-ui,sans-serif}
svg text{fill:var(--soft)}
.scatter{max-width:20rem}
.scatter .dots{stroke:var(--c);stroke-width:5;stroke-linecap:round;opacity:.45;fill:none}
.axis{stroke:var(--soft);fill:none}
.end{text-anchor:end}.middle{text-anchor:middle}
.map{min-width:40rem;background:var(--card);border:1px solid var(--line);border-radius:.6rem;
font-size:13px}
.map text{fill:var(--ink)}.map circle{fill:var(--c)}
.map .chosen text{font-weight:700}
.g0{--c:var(--c0)}.g1{--c:var(--c1)}.g2{--c:var(--c2)}.g3{--c:var(--c3)}
.g4{--c:var(--c4)}.g5{--c:var(--c5)}.g6{--c:var(--c6)}.g7{--c:var(--c7)}
details{margin:.5rem 0}summary{cursor:pointer;padding:.2rem 0}
pre{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem;
overflow:auto;max-height:24rem;font-size:.82rem}
footer{padding-top:2rem;padding-bottom:3rem;font-size:.85rem}
@media (max-width:46rem){
header{padding-top:1.5rem}h1{font-size:1.5rem}
.plot thead{position:absolute;clip-path:inset(50%);height:1px;overflow:hidden}
.plot,.plot tbody,.plot caption{display:block}
.plot tr{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,auto);
gap:.1rem .8rem;padding:.55rem 0;
border-bottom:1px solid var(--line)}
.plot th,.plot td{border:0;padding:0;width:auto}
.plot tbody th{grid-column:1}.plot td:nth-child(2){grid-column:2}
.plot .track{min-width:0}
.plot td:nth-child(3){grid-column:1/-1;width:auto;padding:.15rem 0}
.plot td:nth-child(n+4)::before{content:attr(data-name) " ";color:var(--soft);
font-size:.82rem}
.plot td:nth-child(n+4){grid-column:1/-1}}
@media print{nav{display:none}body{background:#fff}details{break-inside:avoid}}
"""
