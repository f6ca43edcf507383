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
  target: ['chrome111', 'firefox115', 'safari16.4'], // nesting is lowered for them; light-dark() has a fallback below
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

/** The two arguments of light-dark(…), which may hold commas of their own. @param {string} inside @returns {[string, string]} */
function dayAndNight(inside) {
  let depth = 0;
  for (let at = 0; at < inside.length; at++) {
    if (inside[at] === '(') depth++;
    else if (inside[at] === ')') depth--;
    else if (inside[at] === ',' && depth === 0) return [inside.slice(0, at).trim(), inside.slice(at + 1).trim()];
  }
  throw new Error(`light-dark(${inside}) has one argument`);
}

// Half the phones are a few years old: where light-dark() is missing, the same pairs come by media query and by the chosen theme. Shadows are
// no colours, so light-dark() never holds for them: theirs always come that way.
/** @type {import('esbuild').Plugin} */
const bothThemes = {
  name: 'both-themes',
  setup: ({ onLoad }) => {
    onLoad({ filter: /styles\/\w+\.css$/ }, async ({ path: file }) => {
      const css = await readFile(file, 'utf8');
      if (path.basename(file) !== 'vars.css') {
        if (css.includes('light-dark(')) throw new Error(`${file}: light-dark() belongs into vars.css, where its fallback is made`);
        return { contents: css, loader: 'css' };
      }
      const pairs = [...css.matchAll(/^\s*(--[\w-]+): light-dark\((.*)\);/gm)].map(([, name, inside]) => ({ name, isColour: !/^--(lift|glow)/.test(name), both: dayAndNight(inside) }));
      const rules = (/** @type {typeof pairs} */ of) => {
        const block = (/** @type {0 | 1} */ which) => of.map(({ name, both }) => `${name}: ${both[which]};`).join(' ');
        return `:root { ${block(0)} }\n@media (prefers-color-scheme: dark) { :root:not([data-theme="day"]) { ${block(1)} } }\n:root[data-theme="night"] { ${block(1)} }`;
      };
      const kept = css.replace(/^\s*--(lift-\d|glow): light-dark\(.*\);.*$/gm, '');
      return { contents: `${kept}\n${rules(pairs.filter(({ isColour }) => !isColour))}\n@supports not (color: light-dark(#000, #fff)) {\n${rules(pairs.filter(({ isColour }) => isColour))}\n}\n`, loader: 'css' };
    });
  },
};

const sheets = keep(await build({ ...common, entryPoints: ['styles/main.css', 'styles/katex.css'], loader: { '.woff2': 'file' }, plugins: [onlyWoff2, bothThemes] }));
const bundle = await build({
  ...common,
  entryPoints: { hearth: 'src/main.js' },
  format: 'esm',
  splitting: true,
  alias: { entities: 'entities/lib/decode.js' }, // Markdown only decodes; the other direction is 30 KB of tables
  define: { 'globalThis.KATEX_CSS': JSON.stringify(`/${sheets['styles/katex.css']}`) },
});
const scripts = keep(bundle);

const html = await readFile(path.join(root, 'index.html'), 'utf8');
// What the script imports at once is asked for beside it, not after it.
const entry = `dist/${scripts['src/main.js']}`;
const preloads = (bundle.metafile?.outputs[entry]?.imports ?? []).filter(({ kind }) => kind === 'import-statement').map(({ path: file }) => `\n  <link rel="modulepreload" href="/${path.posix.relative('dist', file)}">`).join('');
files.set('index.html', html.replace('\n  <script', `${preloads}\n  <script`).replace('src/main.js', scripts['src/main.js']).replace('styles/main.css', sheets['styles/main.css']));
files.set('hearth.svg', await readFile(path.join(root, 'hearth.svg')));

// The manifest comes after the files that it names, and what it names no more goes last: a server that builds meanwhile finds a whole page.
await mkdir(path.join(dist, 'assets'), { recursive: true });
for (const [name, content] of files) await writeFile(path.join(dist, name), content);
await writeFile(path.join(dist, 'manifest.txt'), [...[...files.keys()].sort(), ''].join('\n'));
for (const name of await readdir(path.join(dist, 'assets'))) if (!files.has(`assets/${name}`)) await rm(path.join(dist, 'assets', name));
