// Measures the page in Debian's chromium: the first visit, a conversation of 500 messages, typing in it, a long reply as it comes.
// A server that answers from memory stands in for Hearth, so that only the page is measured. `./dev bench page` runs this.
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {cpus} from 'node:os';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import {chromium} from '../tests/node_modules/playwright-core/index.mjs';
import {FakeHearth} from '../tests/e2e/browser/support/fake_hearth.js';
import {root} from '../tests/e2e/support/server.js';

const runs = 7;
const messages = 500;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const spread = (values) => `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)})`;
const id = (n) => n.toString(16).padStart(32, '0');
const answer = (i) => `Answer ${i} with **bold** words, a list\n\n- one\n- two\n\nand code:\n\n\`\`\`js\nlet x = ${i};\n\`\`\`\n\n${'More words in a paragraph. '.repeat(8)}`;

const browser = await chromium.launch({executablePath: process.env.HEARTH_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu']});
const figures = {paint: [], ready: [], readyWork: [], openWork: [], open: [], whole: [], type: [], stream: []};
let bytes = 0;
for (let run = 0; run < runs; run++) {
  const hearth = new FakeHearth();
  await hearth.listen();
  const context = await browser.newContext({viewport: {width: 1440, height: 900}});
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send('Performance.enable', {timeDomain: 'threadTicks'});
  const work = async () => 1000 * (await cdp.send('Performance.getMetrics')).metrics.find(({name}) => name === 'TaskDuration').value;
  await page.goto(hearth.url);
  await page.locator('.chip[data-kind="model"]').waitFor();
  figures.ready.push(await page.evaluate(() => performance.now()));
  const readyWork = await work();
  figures.readyWork.push(readyWork);
  figures.paint.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN));
  const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map(({name}) => new URL(name).pathname).filter((file) => !file.startsWith('/api/')));
  bytes = ['/index.html', ...loaded].reduce((sum, file) => sum + gzipSync(readFileSync(path.join(root, 'web/dist', file)), {level: 9}).length, 0);

  const all = Array.from({length: messages}, (_, i) => ({id: id(i), parent: i ? id(i - 1) : null, created: i, status: 'done',
    ...(i % 2 ? {role: 'assistant', to: 60, finish_reason: 'stop', content: answer(i)} : {role: 'user', content: `Question ${i}?`})}));
  const conversation = {id: id(0xabc), title: 'Long', revision: 0, head: all.at(-1).id, created: 1, updated: Date.now(), system: '', params: {}, messages: all};
  [...hearth.users.values()][0].conversations.set(conversation.id, conversation);
  figures.open.push(await page.evaluate(async (hash) => {
    const start = performance.now();
    location.hash = hash;
    while (!document.querySelector('.turn:last-of-type .tools')) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    window.opened = start;
    return performance.now() - start;
  }, `#/c/${conversation.id}`));
  figures.openWork.push(await work() - readyWork);
  figures.whole.push(await page.evaluate(async (count) => {
    while (document.querySelectorAll('.turn').length < count) await new Promise(requestAnimationFrame);
    return performance.now() - window.opened;
  }, messages));
  figures.type.push(await page.evaluate(async () => {
    const area = document.querySelector('#message');
    let longest = 0;
    for (let i = 0; i < 30; i++) {
      const start = performance.now();
      area.value += 'x';
      area.dispatchEvent(new InputEvent('input', {bubbles: true}));
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      longest = Math.max(longest, performance.now() - start);
    }
    return longest;
  }));

  // 2,000 tokens as fast as they come, under the 500 messages.
  hearth.answer = (reply) => {
    reply.started();
    for (let i = 0; i < 400; i++) reply.write(i % 40 === 39 ? ' end of it.\n\n' : ' five more words come now');
    reply.done();
  };
  await page.locator('#message').fill('Go');
  figures.stream.push(await page.evaluate(async () => {
    const before = document.querySelectorAll('.turn').length;
    const start = performance.now();
    document.querySelector('.send').click();
    while (!(document.querySelectorAll('.turn').length > before + 1 && document.querySelector('.turn:last-of-type > .tools'))) await new Promise(requestAnimationFrame);
    return performance.now() - start;
  }));
  await context.close();
  await hearth.stop();
}
const version = browser.version();
await browser.close();

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {cwd: root, encoding: 'utf8'}).trim();
console.log(`# The page

Chromium ${version}, ${cpus().length} × ${cpus()[0].model}, commit ${commit}, ${runs} runs each in a new profile, median (least–most) in milliseconds.
Command: \`./dev bench page\`.

| | measured | goal |
|---|---|---|
| first load, gzip -9 | ${(bytes / 1024).toFixed(0)} KiB | ≤ 250 KB |
| first contentful paint, loopback | ${spread(figures.paint)} | < 300 |
| connected and ready to write | ${spread(figures.ready)} | |
| … of that the main thread at work, which other programs do not lengthen | ${spread(figures.readyWork)} | |
| a conversation of ${messages} messages opens | ${spread(figures.open)} | < 300 |
| … of that the main thread at work | ${spread(figures.openWork)} | |
| … and its oldest message stands there, too | ${spread(figures.whole)} | |
| longest of 30 letters typed in it, to the next frame | ${spread(figures.type)} | no lag |
| a reply of 2,000 tokens at once, drawn to its end under them | ${spread(figures.stream)} | |`);
process.exit(0);
