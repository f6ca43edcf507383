// Bundles the page into dist/ and lists every file of it in dist/manifest.txt, one relative path a line. The server embeds exactly these.
import { build } from 'esbuild';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(root, 'dist');

/** @type {import('esbuild').BuildOptions} */
const common = {
  absWorkingDir: root,
  outdir: 'dist/assets',
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  target: ['chrome123', 'firefox121', 'safari17.5'], // the first with light-dark() and CSS nesting
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
  metafile: true,
};

/** @type {Map<string, string | Uint8Array>} */
const files = new Map();
/** @param {import('esbuild').BuildResult} result @returns {Record<string, string>} the built file of each entry point */
function keep({ outputFiles, metafile }) {
  for (const file of outputFiles ?? []) files.set(path.relative(dist, file.path).replaceAll('\\', '/'), file.contents);
  const outputs = Object.entries(metafile?.outputs ?? {}).filter(([, { entryPoint }]) => entryPoint);
  return Object.fromEntries(outputs.map(([file, { entryPoint = '' }]) => [entryPoint, path.posix.relative('dist', file)]));
}

// Every browser that this page runs on reads woff2; KaTeX's sheet names two older formats beside it.
/** @type {import('esbuild').Plugin} */
const onlyWoff2 = {
  name: 'only-woff2',
  setup: ({ onLoad }) => {
    onLoad({ filter: /katex(\.min)?\.css$/ }, async ({ path: file }) => ({ contents: (await readFile(file, 'utf8')).replace(/,\s*url\([^)]+\.(woff|ttf)\) format\("\w+"\)/g, ''), loader: 'css' }));
  },
};

const sheets = keep(await build({ ...common, entryPoints: ['styles/main.css', 'styles/katex.css'], loader: { '.woff2': 'file' }, plugins: [onlyWoff2] }));
const scripts = keep(await build({
  ...common,
  entryPoints: { hearth: 'src/main.js' },
  format: 'esm',
  splitting: true,
  alias: { entities: 'entities/lib/decode.js' }, // Markdown only decodes; the other direction is 30 KB of tables
  define: { 'globalThis.KATEX_CSS': JSON.stringify(`/${sheets['styles/katex.css']}`) },
}));

const html = await readFile(path.join(root, 'index.html'), 'utf8');
files.set('index.html', html.replace('src/main.js', scripts['src/main.js']).replace('styles/main.css', sheets['styles/main.css']));
files.set('hearth.svg', await readFile(path.join(root, 'hearth.svg')));

// The manifest comes after the files that it names, and what it names no more goes last: a server that builds meanwhile finds a whole page.
await mkdir(path.join(dist, 'assets'), { recursive: true });
for (const [name, content] of files) await writeFile(path.join(dist, name), content);
await writeFile(path.join(dist, 'manifest.txt'), [...[...files.keys()].sort(), ''].join('\n'));
for (const name of await readdir(path.join(dist, 'assets'))) if (!files.has(`assets/${name}`)) await rm(path.join(dist, 'assets', name));
