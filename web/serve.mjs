// For work on the page: serves dist/ from disk, and passes everything else on to a running Hearth.
//   npm run build && node serve.mjs [http://127.0.0.1:8080] [port]
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), 'dist');
const hearth = new URL(process.argv[2] ?? 'http://127.0.0.1:8080');
const port = Number(process.argv[3] ?? 8090);
/** @type {Record<string, string>} */
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };

// The server compares Origin with Host; both become its own.
/** @param {import('node:http').IncomingHttpHeaders} headers */
const asItsOwn = (headers) => ({ ...headers, host: hearth.host, ...(headers.origin && { origin: hearth.origin }) });

const server = createServer(async (ask, answer) => {
  const { pathname } = new URL(ask.url ?? '/', hearth);
  const file = pathname === '/' ? 'index.html' : path.normalize(pathname).slice(1);
  const content = file === 'hearth.svg' || file === 'index.html' || file.startsWith('assets/') ? await readFile(path.join(dist, file)).catch(() => undefined) : undefined;
  const onward = request(new URL(content ? '/' : (ask.url ?? '/'), hearth), { method: content ? 'HEAD' : ask.method, headers: content ? {} : asItsOwn(ask.headers) }, (from) => {
    if (!content) {
      answer.writeHead(from.statusCode ?? 502, from.headers);
      from.pipe(answer);
      return;
    }
    // The page's own file, under the server's own policy.
    answer.writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream', 'content-security-policy': String(from.headers['content-security-policy'] ?? ''), 'cache-control': 'no-store' });
    answer.end(content);
  });
  onward.on('error', () => answer.headersSent || answer.writeHead(502).end());
  if (content) onward.end();
  else ask.pipe(onward);
});
server.on('upgrade', (ask, socket, head) => {
  const onward = connect(Number(hearth.port) || 80, hearth.hostname, () => {
    const headers = Object.entries(asItsOwn(ask.headers)).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    onward.write(`GET ${ask.url} HTTP/1.1\r\n${headers}\r\n`);
    onward.write(head);
    onward.pipe(socket).pipe(onward);
  });
  for (const end of [socket, onward]) end.on('error', () => (socket.destroy(), onward.destroy()));
});
server.listen(port, '127.0.0.1', () => console.log(`The page from dist/ on http://127.0.0.1:${port}, everything else from ${hearth.origin}`));
