// `npm install && node render.ts`, in this directory: draws the golden summaries in Chromium with the mermaid that GitHub draws
// with, fails unless every chart became a picture, and writes those that the documentation shows. CHROMIUM names another browser.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const GOLDEN = join(import.meta.dirname, '../../__tests__/action/golden');
const IMAGES = join(import.meta.dirname, '../../docs/images');
const SHOWN = ['summary-update', 'summary-fallback'];
const WIDTH = 1012;
/** Milliseconds of the page's own time that scripts get for drawing. */
const DRAWING_MS = 20_000;

const work = mkdtempSync(join(tmpdir(), 'summary-'));
try {
  for (const file of readdirSync(GOLDEN).filter((name) => name.startsWith('summary-')))
    draw(file.replace(/\.md$/, ''), readFileSync(join(GOLDEN, file), 'utf8'));
} finally {
  rmSync(work, { recursive: true, force: true });
}

function draw(name: string, markdown: string): void {
  const page = join(work, `${name}.html`);
  writeFileSync(page, toPage(markdown));
  const dom = browse('--dump-dom', page);
  const charts = markdown.match(/^```mermaid$/gm)?.length ?? 0;
  const drawn = dom.match(/<svg[^>]*aria-roledescription="(?:pie|gantt)"/g)?.length ?? 0;
  if (charts === 0 || drawn !== charts) throw new Error(`${name}: ${drawn} of ${charts} charts were drawn`);
  console.log(`${name}: ${charts} charts`);
  if (!SHOWN.includes(name)) return;
  const height = Number(/data-height="(\d+)"/.exec(dom)?.[1]);
  browse(`--screenshot=${join(IMAGES, `${name}.png`)}`, page, height);
}

function browse(what: string, page: string, height = 1000): string {
  const browser = process.env.CHROMIUM ?? 'chromium';
  const size = `--window-size=${WIDTH},${height}`;
  const time = `--virtual-time-budget=${DRAWING_MS}`;
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', size, time, what];
  return execFileSync(browser, [...flags, pathToFileURL(page).href], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 120_000,
  });
}

function toPage(markdown: string): string {
  const library = (path: string) =>
    `<script src="${pathToFileURL(join(import.meta.dirname, 'node_modules', path)).href}"></script>`;
  return `<!doctype html><meta charset="utf-8"><style>
body { font: 14px/1.5 "DejaVu Sans", sans-serif; margin: 24px; color: #1f2328 }
code { background: #eff1f3; padding: 2px 4px; border-radius: 4px; font-size: 85% }
table { border-collapse: collapse } td, th { border: 1px solid #d1d9e0; padding: 4px 10px }
svg { max-height: 420px }
</style><main></main>
${library('marked/lib/marked.umd.js')}${library('mermaid/dist/mermaid.min.js')}
<script>
const main = document.querySelector('main');
main.innerHTML = marked.parse(${JSON.stringify(markdown).replaceAll('<', '\\u003c')});
for (const code of document.querySelectorAll('code.language-mermaid')) {
  const chart = document.createElement('div');
  chart.className = 'mermaid';
  chart.textContent = code.textContent;
  code.parentElement.replaceWith(chart);
}
mermaid.initialize({ startOnLoad: false });
mermaid.run({ querySelector: '.mermaid' }).finally(() => {
  document.body.dataset.height = Math.ceil(main.getBoundingClientRect().bottom + 24);
});
</script>`;
}
