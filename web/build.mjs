// Bundles the page into dist/ and lists every file of it in dist/manifest.txt, one relative path a line. The server embeds exactly these.
import { build } from 'esbuild';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(root, 'dist');

const result = await build({
  absWorkingDir: root,
  entryPoints: { hearth: 'src/main.js', styles: 'styles/main.css' },
  outdir: 'dist/assets',
  entryNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  format: 'esm',
  alias: { entities: 'entities/lib/decode.js' }, // Markdown only decodes; the other direction is 30 KB of tables
  target: ['chrome123', 'firefox121', 'safari17.5'], // the first with light-dark() and CSS nesting
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
});

/** @type {Map<string, string | Uint8Array>} */
const files = new Map();
for (const file of result.outputFiles) files.set(path.relative(dist, file.path).replaceAll('\\', '/'), file.contents);

/** @param {string} extension */
const built = (extension) => {
  const found = [...files.keys()].filter((name) => name.endsWith(extension));
  if (found.length !== 1) throw new Error(`expected one ${extension} file, esbuild made ${found.length}`);
  return found[0];
};
const html = await readFile(path.join(root, 'index.html'), 'utf8');
files.set('index.html', html.replace('src/main.js', built('.js')).replace('styles/main.css', built('.css')));
files.set('hearth.svg', await readFile(path.join(root, 'hearth.svg')));

// The manifest comes after the files that it names, and what it names no more goes last: a server that builds meanwhile finds a whole page.
await mkdir(path.join(dist, 'assets'), { recursive: true });
for (const [name, content] of files) await writeFile(path.join(dist, name), content);
await writeFile(path.join(dist, 'manifest.txt'), [...[...files.keys()].sort(), ''].join('\n'));
for (const name of await readdir(path.join(dist, 'assets'))) if (!files.has(`assets/${name}`)) await rm(path.join(dist, 'assets', name));
