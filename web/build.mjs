// Bundles the page into dist/ and lists every file of it in dist/manifest.txt, one relative path a line. The server embeds exactly these.
import { build } from 'esbuild';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(root, 'dist');

await rm(dist, { recursive: true, force: true });
await mkdir(path.join(dist, 'assets'), { recursive: true });

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
  metafile: true,
  logLevel: 'warning',
});

/** @param {string} extension */
const built = (extension) => {
  const found = Object.keys(result.metafile.outputs).filter((file) => file.endsWith(extension));
  if (found.length !== 1) throw new Error(`expected one ${extension} file, esbuild made ${found.length}`);
  return path.posix.relative('dist', found[0].replaceAll('\\', '/'));
};
const script = built('.js');
const styles = built('.css');

const html = (await readFile(path.join(root, 'index.html'), 'utf8')).replace('src/main.js', script).replace('styles/main.css', styles);
await writeFile(path.join(dist, 'index.html'), html);
await copyFile(path.join(root, 'hearth.svg'), path.join(dist, 'hearth.svg'));
await writeFile(path.join(dist, 'manifest.txt'), ['index.html', script, styles, 'hearth.svg', ''].join('\n'));
